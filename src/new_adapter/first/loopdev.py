
    def op_set_block_size(self, fields):
        """The hosting filesystem has blocks of so many bytes from now on."""
        self.block_bytes = fields["bytes"]
        return {"block_size": {"answer": {"done": {}}}}
