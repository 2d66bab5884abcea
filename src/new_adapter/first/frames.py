
    def op_free(self, fields):
        """Gives a block back. Skipped when the slot is empty."""
        if fields["slot"] not in self.slots:
            return {"skipped": {}}
        raise Unsupported("a free of a full slot is not written yet")
