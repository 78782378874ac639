//! The `agog-hub` command.

fn main() {}
