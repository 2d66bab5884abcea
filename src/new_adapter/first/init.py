
    def op_repair(self, fields):
        """From now on an init returns 0. Skipped when it is NULL."""
        module, pair = fields["module"], fields["pair"]
        pairs = self.setup["modules"][module]["pairs"]
        if pair >= len(pairs) or "init" not in pairs[pair]:
            return {"skipped": {}}
        pairs[pair]["init"] = {"end": {"returns": {"code": 0}}}
        return {"done": {"answer": {"done": {}}, "left": self.left()}}

    def left(self):
        """What is left of each module, in link order."""
        return [{"state": state} for state in self.states]
