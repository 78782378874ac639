//! Facts about JDF 1.x, as the specification states them: elements, their attributes with data type, requiredness,
//! first and last version, allowed children, and the inputs and outputs of processes. For validation, comparison
//! and help texts.
//!
//! Not for reading: the views never look here, because the field writes what it likes. All tables are constants, so
//! nothing is built at start-up; a look-up is a binary search. Element names are unique in JDF but for a few that
//! mean different things in different parents: for these the table holds what all uses allow together, and an
//! attribute is required only if every use requires it.

mod data_type;
mod element;
#[macro_use]
mod macros;
mod process;
mod tables;
mod version;

pub use data_type::{DataType, Expected};
pub use element::{AttributeFacts, ChildFacts, ElementFacts, Kind, ResourceClass};
pub use process::{Port, ProcessFacts};
pub use tables::{PARTITION_KEYS, element, elements, process, processes};
pub use version::Version;
