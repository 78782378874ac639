//! Facts about JDF 1.x, as the specification states them: elements, their attributes with data type, requiredness,
//! first and last version, allowed children, and the inputs and outputs of processes. For validation, comparison
//! and help texts.
//!
//! Not for reading: the views never look here, because the field writes what it likes. All tables are constants, so
//! nothing is built at start-up; a look-up is a binary search. Element names are unique in JDF but for a few that
//! mean different things in different parents: for these the table holds what all uses allow together, and an
//! attribute is required only if every use requires it.
//!
//! ```
//! use agog_jdf::schema::{self, ResourceClass, Version};
//! let media = schema::element("Media").unwrap();
//! assert_eq!(media.class(), Some(ResourceClass::Consumable));
//! let weight = media.attribute("Weight").unwrap();
//! assert!(weight.is_in(Version::V1_5) && weight.check("300").is_ok());
//! assert_eq!(weight.check("heavy").unwrap_err().to_string(), "a number");
//! assert!(schema::process("Cutting").unwrap().inputs.iter().any(|port| port.resource == "CuttingParams"));
//! ```

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
