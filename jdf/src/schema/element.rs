//! What is known about one element and one attribute.

use super::tables::groups;
use super::{DataType, Expected, Version};

/// The class of a resource (JDF 1.5, Resources): what happens to it in a process.
///
/// ```
/// use agog_jdf::schema::{self, ResourceClass};
/// assert_eq!(schema::element("Media").unwrap().class(), Some(ResourceClass::Consumable));
/// assert_eq!(ResourceClass::Consumable.as_str(), "Consumable");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResourceClass {
    /// Used up or turned into something else: media, ink.
    Consumable,
    /// Used but not used up: a plate, a die.
    Handling,
    /// Does the work: a device, an employee.
    Implementation,
    /// What a customer asks for, without saying how it is made.
    Intent,
    /// Settings of a process.
    Parameter,
    /// A resource that links processes of a group without being anything yet.
    PlaceHolder,
    /// Made by a process and countable: a component.
    Quantity,
}

impl ResourceClass {
    /// The value of the attribute `Class`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Consumable => "Consumable",
            Self::Handling => "Handling",
            Self::Implementation => "Implementation",
            Self::Intent => "Intent",
            Self::Parameter => "Parameter",
            Self::PlaceHolder => "PlaceHolder",
            Self::Quantity => "Quantity",
        }
    }

    /// Whether a resource of this class has an amount (JDF 1.5, physical resources).
    ///
    /// ```
    /// use agog_jdf::schema::ResourceClass;
    /// assert!(ResourceClass::Quantity.is_physical() && !ResourceClass::Parameter.is_physical());
    /// ```
    #[must_use]
    pub const fn is_physical(self) -> bool {
        matches!(self, Self::Consumable | Self::Handling | Self::Quantity)
    }
}

/// What an element is, which decides the attributes that it has in common with others.
///
/// ```
/// use agog_jdf::schema::{self, Kind};
/// assert_eq!(schema::element("PhaseTime").unwrap().kind, Kind::Audit);
/// assert_eq!(schema::element("JobPhase").unwrap().kind, Kind::Plain);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An element with the attributes that every element may have.
    Plain,
    /// A text or binary element without the attributes that others share.
    Bare,
    /// An element that may also carry what identifies a resource.
    Element,
    /// A resource, or an element that stands for one inside another resource.
    Resource(ResourceClass),
    /// A link from a node to a resource.
    Link,
    /// A reference from an element to a resource.
    Ref,
    /// A selection of partitions, by their keys.
    Part,
    /// An entry of the audit pool.
    Audit,
    /// A message of JMF: query, command, signal, response, acknowledge, registration.
    Message,
    /// A wish of a customer in an intent: preferred, actual and range of values.
    Span,
    /// A span of text, which has no range.
    StringSpan,
    /// A state of a device capability: allowed and present values, defaults.
    State,
    /// A test on a property of a job, in a device capability or a preflight.
    Evaluation,
}

/// One attribute of an element, as the specification states it.
///
/// ```
/// use agog_jdf::schema::{self, DataType, Version};
/// let attribute = schema::element("Media").unwrap().attribute("MediaType").unwrap();
/// assert_eq!(attribute.data_type, DataType::Enum);
/// assert!(attribute.values.contains(&"Paper") && attribute.check("Paper").is_ok());
/// assert_eq!(attribute.check("Cheese").unwrap_err().values, attribute.values);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct AttributeFacts {
    /// Its name.
    pub name: &'static str,
    /// How its value is written.
    pub data_type: DataType,
    /// Whether it must be there (on a resource: on the resource or inherited by each of its partitions).
    pub required: bool,
    /// The first version of JDF that has it.
    pub first: Version,
    /// The last version that has it; `None` if 1.5 still has it.
    pub last: Option<Version>,
    /// The values that the specification names. Nothing else is allowed for [`DataType::Enum`] and
    /// [`DataType::Enums`]; for other types they are what is usual. Empty: not enumerated, or not known here.
    pub values: &'static [&'static str],
}

impl AttributeFacts {
    /// Whether `text` is a value of this attribute: its data type, and the named values if there are no others.
    ///
    /// # Errors
    /// What is expected, when it is not.
    ///
    /// ```
    /// let unit = agog_jdf::schema::element("Media").unwrap().attribute("MediaUnit").unwrap();
    /// assert!(unit.check("Roll").is_ok());
    /// assert_eq!(unit.check("Pallet").unwrap_err().to_string(), "one of Continuous, Roll, Sheet");
    /// ```
    pub fn check(&self, text: &str) -> Result<(), Expected> {
        self.data_type.check(text)?;
        let closed = matches!(self.data_type, DataType::Enum | DataType::Enums);
        if !closed || self.values.is_empty() {
            return Ok(());
        }
        let known = |word: &str| self.values.contains(&word);
        let fits = match self.data_type {
            DataType::Enums => text.split_ascii_whitespace().all(known),
            _ => known(text.trim()),
        };
        if fits {
            Ok(())
        } else {
            Err(Expected {
                data_type: self.data_type,
                values: self.values,
            })
        }
    }

    /// Whether a document of `version` may have it.
    ///
    /// ```
    /// use agog_jdf::schema::{self, Version};
    /// let flute = schema::element("Media").unwrap().attribute("Flute").unwrap();
    /// assert!(flute.is_in(Version::V1_5) && !flute.is_in(Version::V1_0));
    /// ```
    #[must_use]
    pub fn is_in(&self, version: Version) -> bool {
        self.first <= version && self.last.is_none_or(|last| version <= last)
    }
}

/// An element that another may contain.
///
/// ```
/// let layers = agog_jdf::schema::element("Media").unwrap().child("MediaLayers").unwrap();
/// assert_eq!((layers.min, layers.max), (0, Some(1)));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ChildFacts {
    /// Its name; for a resource, a reference (`…Ref`) may stand in its place.
    pub name: &'static str,
    /// How many there must be at least.
    pub min: u32,
    /// How many there may be; `None`: any number.
    pub max: Option<u32>,
}

/// One element, as the specification states it.
///
/// ```
/// use agog_jdf::schema;
/// let link = schema::element("ComponentLink").unwrap();
/// assert!(link.attribute("rRef").unwrap().required);
/// assert!(schema::element("Cheese").is_none());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ElementFacts {
    /// Its name, without prefix.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The first version of JDF that has it.
    pub first: Version,
    /// The last version that has it; `None` if 1.5 still has it.
    pub last: Option<Version>,
    pub(super) attributes: &'static [AttributeFacts],
    pub(super) children: &'static [ChildFacts],
}

impl ElementFacts {
    /// The attribute `name`: its own, or one that all elements of its kind have.
    ///
    /// ```
    /// let media = agog_jdf::schema::element("Media").unwrap();
    /// assert!(media.attribute("Weight").is_some() && media.attribute("ProductID").is_some() && media.attribute("Taste").is_none());
    /// ```
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&'static AttributeFacts> {
        find(self.attributes, name).or_else(|| {
            groups::of(self.kind)
                .iter()
                .find_map(|group| find(group, name))
        })
    }

    /// Whether the attribute is in the table of this element itself, not only in that of its kind.
    pub(crate) fn has_own(&self, name: &str) -> bool {
        find(self.attributes, name).is_some()
    }

    /// Every attribute: its own first, then those of its kind that it does not state itself.
    ///
    /// ```
    /// let link = agog_jdf::schema::element("MediaLink").unwrap();
    /// assert!(link.attributes().any(|attribute| attribute.name == "Usage"));
    /// ```
    pub fn attributes(&self) -> impl Iterator<Item = &'static AttributeFacts> {
        let own = self.attributes;
        own.iter().chain(
            groups::of(self.kind)
                .iter()
                .flat_map(|group| group.iter())
                .filter(move |shared| find(own, shared.name).is_none()),
        )
    }

    /// The attributes that a document must give, own and of its kind.
    ///
    /// ```
    /// let run = agog_jdf::schema::element("ProcessRun").unwrap();
    /// let required: Vec<_> = run.required().map(|attribute| attribute.name).collect();
    /// assert!(["Start", "End", "EndStatus"].iter().all(|name| required.contains(name)), "{required:?}");
    /// ```
    pub fn required(&self) -> impl Iterator<Item = &'static AttributeFacts> {
        self.attributes().filter(|attribute| attribute.required)
    }

    /// The elements of JDF that the specification lists as its content, without those that every element may
    /// hold (`Comment`, `GeneralID`). Empty: none, or not known here.
    ///
    /// ```
    /// let node = agog_jdf::schema::element("JDF").unwrap();
    /// assert!(node.children().iter().any(|child| child.name == "ResourceLinkPool" && child.max == Some(1)));
    /// ```
    #[must_use]
    pub fn children(&self) -> &'static [ChildFacts] {
        self.children
    }

    /// The child element `name`.
    ///
    /// ```
    /// let pool = agog_jdf::schema::element("AmountPool").unwrap();
    /// assert!(pool.child("PartAmount").is_some() && pool.child("Media").is_none());
    /// ```
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&'static ChildFacts> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The class, if it is a resource.
    ///
    /// ```
    /// use agog_jdf::schema::{self, ResourceClass};
    /// assert_eq!(schema::element("Component").unwrap().class(), Some(ResourceClass::Quantity));
    /// assert_eq!(schema::element("AuditPool").unwrap().class(), None);
    /// ```
    #[must_use]
    pub const fn class(&self) -> Option<ResourceClass> {
        match self.kind {
            Kind::Resource(class) => Some(class),
            _ => None,
        }
    }

    /// Whether a document of `version` may have it.
    ///
    /// ```
    /// use agog_jdf::schema::{self, Version};
    /// let layout = schema::element("DieLayout").unwrap();
    /// assert!(layout.is_in(Version::V1_5) && !layout.is_in(Version::V1_0));
    /// ```
    #[must_use]
    pub fn is_in(&self, version: Version) -> bool {
        self.first <= version && self.last.is_none_or(|last| version <= last)
    }
}

fn find(sorted: &'static [AttributeFacts], name: &str) -> Option<&'static AttributeFacts> {
    let index = sorted
        .binary_search_by(|attribute| attribute.name.cmp(name))
        .ok()?;
    sorted.get(index)
}
