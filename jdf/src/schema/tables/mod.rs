//! The tables, one file per chapter of the specification, and the look-up over all of them.

mod audit;
mod capability;
mod finishing;
pub(super) mod groups;
pub(super) mod index;
mod intent;
mod jmf;
mod node;
mod press;
mod process_table;
mod words;

pub use index::{PARTITION_KEYS, element, elements, process, processes};
