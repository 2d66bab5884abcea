
    def op_spawn(self, fields):
        """Makes a process with an empty address space."""
        if fields["process"] in self.processes:
            return {"answer": {"refused": {"error": "process_exists"}}}
        self.processes[fields["process"]] = []
        return {"answer": {"done": {}}}
