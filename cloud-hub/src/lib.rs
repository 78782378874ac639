//! Placeholder of the crate; its modules follow.
