//! Partitioned resources (JDF 1.5, Resource Partitioning): one resource whose parts — sheets, sides,
//! separations, versions — are a tree of elements of its name, each with one key more than the one around it.
//!
//! What is asked for here: the parts with all their keys, the parts that a link or reference means, and what
//! holds for a part, with where that was said. Walks are linear in the parts and use no call stack.

use std::collections::{BTreeMap, HashSet};

use super::{Ranges, Resource, Value};
use crate::amount::read_keys;
use crate::schema::{DataType, PARTITION_KEYS};
use crate::value::tokens;
use crate::view::ElementRef;

/// Keys by which one resource is divided: 100, above the number that the specification has. Every part is asked
/// for each of them.
pub(super) const PART_ID_KEYS_MAX: usize = 100;
const _: () = assert!(PARTITION_KEYS.len() < PART_ID_KEYS_MAX);

/// What a `Part` means that names keys which the resource does not have (`PartUsage`).
///
/// ```
/// use agog_jdf::resource::PartUsage;
/// assert_eq!(PartUsage::from("Sparse"), PartUsage::Sparse);
/// assert_eq!(PartUsage::from("nonsense"), PartUsage::Explicit);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PartUsage {
    /// Nothing: only parts that are written out exist. This holds where the resource does not say.
    #[default]
    Explicit,
    /// The nearest part around what is named.
    Implicit,
    /// A part that is not divided by the named key stands for all its values; one that is divided and lacks the
    /// value does not exist.
    Sparse,
}

impl From<&str> for PartUsage {
    fn from(text: &str) -> Self {
        match text.trim() {
            "Implicit" => Self::Implicit,
            "Sparse" => Self::Sparse,
            _ => Self::Explicit,
        }
    }
}

/// A leaf of a partitioned resource with all its keys, the outermost first.
///
/// ```
/// use agog_jdf::{Document, Limits, Ticket};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="m" PartIDKeys="SheetName"><Media SheetName="S1" Weight="90"/></Media></JDF>"#;
/// let document = Document::parse(source, &Limits::default())?;
/// let leaf = Ticket::of(&document)?.resource("m").unwrap().leaves_with_keys().remove(0);
/// assert_eq!((leaf.keys[0], leaf.resource.attribute("Weight")), (("SheetName", "S1"), Some("90")));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf<'d> {
    /// The part.
    pub resource: Resource<'d>,
    /// Names and values of its keys and of those of the parts around it.
    pub keys: Vec<(&'d str, &'d str)>,
}

impl Leaf<'_> {
    /// The keys as a `Part` would have them.
    pub fn owned_keys(&self) -> BTreeMap<String, String> {
        let keys = self.keys.iter();
        keys.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }
}

/// One attribute that holds for a part, from [`Resource::effective_attributes`].
///
/// ```
/// use agog_jdf::{Document, Limits, Ticket};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="m" Weight="90" PartIDKeys="SheetName"><Media SheetName="S1"/></Media></JDF>"#;
/// let document = Document::parse(source, &Limits::default())?;
/// let sheet = Ticket::of(&document)?.resource("m").unwrap().leaves()[0];
/// let shown: Vec<_> = sheet.effective_attributes().iter().map(|found| format!("{}={}", found.name, found.value)).collect();
/// assert_eq!(shown, ["SheetName=S1", "ID=m", "Weight=90", "PartIDKeys=SheetName"]);
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effective<'d> {
    /// As written, with its prefix.
    pub name: &'d str,
    /// As the application sees it.
    pub value: &'d str,
    /// Where it was said.
    pub origin: Origin<'d>,
}

/// Where an attribute of a part was said.
///
/// ```
/// use agog_jdf::resource::Origin;
/// use agog_jdf::{Document, Limits, Ticket};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="m" PartIDKeys="SheetName"><Media SheetName="S1" Weight="90"/></Media></JDF>"#;
/// let document = Document::parse(source, &Limits::default())?;
/// let media = Ticket::of(&document)?.resource("m").unwrap();
/// let attributes = media.leaves()[0].effective_attributes();
/// let origin_of = |name| attributes.iter().find(|attribute| attribute.name == name).unwrap().origin;
/// assert_eq!((origin_of("Weight"), origin_of("ID")), (Origin::Own, Origin::Inherited(media)));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin<'d> {
    /// At the part itself.
    Own,
    /// At a part around it, or at the whole resource.
    Inherited(Resource<'d>),
    /// At the part that this one is identical with.
    Identical(Resource<'d>),
}

impl<'d> Resource<'d> {
    /// The names of the keys by which the resource is divided, the outermost first (`PartIDKeys`). Tickets that
    /// leave the list out are read by the keys of the specification that their parts have. At most 100 are read.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="m"><Media SheetName="S1" Weight="90"/></Media></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// assert_eq!(Ticket::of(&document)?.resource("m").unwrap().part_id_keys(), ["SheetName"]);
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn part_id_keys(self) -> Vec<&'d str> {
        let whole = self.whole();
        let mut names = Vec::new();
        let mut seen = HashSet::new();
        if let Some(list) = whole.element.attribute("PartIDKeys") {
            names.extend(
                tokens(list)
                    .filter(|name| seen.insert(*name))
                    .take(PART_ID_KEYS_MAX),
            );
            return names;
        }
        whole.walk(|part, _| {
            for attribute in part.element.attributes() {
                if part != whole
                    && data_type(attribute.name).is_some()
                    && seen.insert(attribute.name)
                {
                    names.push(attribute.name);
                }
            }
        });
        names
    }

    /// What a `Part` means that names keys which this resource does not have.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="m" PartUsage="Sparse"/></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let media = Ticket::of(&document)?.resource("m").unwrap();
    /// assert_eq!(media.part_usage(), agog_jdf::resource::PartUsage::Sparse);
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn part_usage(self) -> PartUsage {
        self.whole()
            .element
            .attribute("PartUsage")
            .map(PartUsage::from)
            .unwrap_or_default()
    }

    /// The whole resource that this is a part of; itself if it is no part.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="m" PartIDKeys="SheetName"><Media SheetName="S1"/></Media></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let media = Ticket::of(&document)?.resource("m").unwrap();
    /// assert_eq!(media.leaves()[0].whole(), media);
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    #[must_use]
    pub fn whole(self) -> Self {
        let mut whole = self;
        while let Some(around) = whole.around() {
            whole = around;
        }
        whole
    }

    /// The parts that have none below them, in document order, with all their keys; the resource itself,
    /// without keys, if it is not divided.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><ExposedMedia ID="p" PartIDKeys="SheetName Separation">
    ///   <ExposedMedia SheetName="S1"><ExposedMedia Separation="Cyan"/><ExposedMedia Separation="Black"/></ExposedMedia>
    /// </ExposedMedia></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let plates = Ticket::of(&document)?.resource("p").unwrap().leaves_with_keys();
    /// assert_eq!(plates[1].keys, [("SheetName", "S1"), ("Separation", "Black")]);
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn leaves_with_keys(self) -> Vec<Leaf<'d>> {
        let names = self.part_id_keys();
        let around = self.keys_around(&names);
        let is_part = self.around().is_some();
        let mut leaves = Vec::new();
        // The keys on the way down; each part knows how many were there before it.
        let mut path: Vec<(&str, &str)> = Vec::new();
        let mut lengths: Vec<usize> = Vec::new();
        self.walk(|part, depth| {
            let before = lengths.get(depth).copied().unwrap_or(path.len());
            path.truncate(before);
            lengths.truncate(depth);
            lengths.push(before);
            if depth > 0 || is_part {
                path.extend(own_keys(part, &names));
            }
            if part.partitions().next().is_none() {
                let keys = around.iter().chain(&path).copied().collect();
                leaves.push(Leaf {
                    resource: part,
                    keys,
                });
            }
        });
        leaves
    }

    /// The keys of the parts around this one.
    fn keys_around(self, names: &[&'d str]) -> Vec<(&'d str, &'d str)> {
        let mut parts: Vec<_> =
            std::iter::successors(self.around(), |part| part.around()).collect();
        // The outermost is the whole resource: what it has of these attributes are no keys.
        parts.pop();
        parts
            .iter()
            .rev()
            .flat_map(|part| own_keys(*part, names))
            .collect()
    }

    /// The parts that the keys of a `Part` mean, by the `PartUsage` of the resource. A part stands for
    /// everything below it; without keys that is the whole resource.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><ExposedMedia ID="p" PartUsage="Sparse" PartIDKeys="Separation PartVersion">
    ///   <ExposedMedia Separation="Cyan"/>
    ///   <ExposedMedia Separation="Black"><ExposedMedia PartVersion="EN"/><ExposedMedia PartVersion="DE"/></ExposedMedia>
    /// </ExposedMedia></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let plates = Ticket::of(&document)?.resource("p").unwrap();
    /// let german = plates.select(&[("PartVersion".to_owned(), "DE".to_owned())].into());
    /// assert_eq!(german.len(), 2, "the German black plate and the cyan one, which all versions share");
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn select(self, keys: &BTreeMap<String, String>) -> Vec<Self> {
        let names = self.part_id_keys();
        let usage = self.part_usage();
        let mut stack = vec![Search::begin(self, keys.len())];
        let mut found: Vec<Self> = Vec::new();
        // Parents are looked at again after their children, to see whether any of them matched.
        while let Some(search) = stack.pop() {
            if search.missing == 0 {
                found.push(search.part);
                continue;
            }
            if let Some(before) = search.found_before {
                if found.len() == before && usage == PartUsage::Implicit {
                    found.push(search.part);
                }
                continue;
            }
            let mut is_leaf = true;
            let again = stack.len();
            stack.push(Search {
                found_before: Some(found.len()),
                ..search
            });
            for part in search.part.partitions() {
                is_leaf = false;
                let mut missing = search.missing;
                let mut contradicts = false;
                for (name, value) in own_keys(part, &names) {
                    if let Some(wanted) = keys.get(name) {
                        contradicts |= !is_value(name, value, wanted);
                        missing = missing.saturating_sub(1);
                    }
                }
                if !contradicts {
                    stack.push(Search {
                        part,
                        missing,
                        found_before: None,
                    });
                }
            }
            // The first child is to be looked at first.
            stack[again + 1..].reverse();
            if is_leaf {
                stack.truncate(again);
                if usage != PartUsage::Explicit {
                    found.push(search.part);
                }
            }
        }
        found
    }

    /// The part that this one says it is the same as (`Identical`). That one may not refer further.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="m" PartIDKeys="SheetName">
    ///   <Media SheetName="S1" Weight="90"/><Media SheetName="S2"><Identical><Part SheetName="S1"/></Identical></Media></Media></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let sheets = Ticket::of(&document)?.resource("m").unwrap().leaves();
    /// assert_eq!(sheets[1].identical(), Some(sheets[0]));
    /// assert_eq!(sheets[1].attribute("Weight"), Some("90"));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn identical(self) -> Option<Self> {
        // Around a whole resource is nothing that it could be identical with; it may have many children.
        self.around()?;
        let part = self.element.child("Identical")?.child("Part")?;
        let keys = read_keys(part);
        let whole = self.whole();
        let names = whole.part_id_keys();
        let found = whole.descend(&keys, &names);
        (found != whole && found != self).then_some(found)
    }

    /// The identical part and those around it, without the whole resource, which this part has around it anyway.
    pub(super) fn identical_parts(self) -> impl Iterator<Item = Self> {
        std::iter::successors(self.identical(), |part| part.around())
            .take_while(|part| part.around().is_some())
    }

    /// Every attribute that holds for this part, with where it was said: its own first, then those of the part
    /// that it is identical with, then those of the parts around it. [`Resource::attribute`] follows the same rule.
    ///
    /// ```
    /// use agog_jdf::resource::Origin;
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="m" Brand="A" PartIDKeys="SheetName"><Media SheetName="S1"/></Media></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let sheet = Ticket::of(&document)?.resource("m").unwrap().leaves()[0];
    /// let brand = sheet.effective_attributes().into_iter().find(|attribute| attribute.name == "Brand").unwrap();
    /// assert!(matches!(brand.origin, Origin::Inherited(_)));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn effective_attributes(self) -> Vec<Effective<'d>> {
        let names = self.part_id_keys();
        let mut seen = HashSet::new();
        let mut effective = Vec::new();
        let mut add = |part: Self, origin: Origin<'d>| {
            let is_identical = matches!(origin, Origin::Identical(_));
            for attribute in part.element.attributes() {
                let is_declaration = attribute.name.starts_with("xmlns");
                // Which part it is, a part says itself.
                let is_key = is_identical && names.contains(&attribute.name);
                if !is_declaration && !is_key && seen.insert(attribute.name) {
                    effective.push(Effective {
                        name: attribute.name,
                        value: attribute.value,
                        origin,
                    });
                }
            }
        };
        let mut next = Some(self);
        while let Some(part) = next {
            let origin = if part == self {
                Origin::Own
            } else {
                Origin::Inherited(part)
            };
            add(part, origin);
            for identical in part.identical_parts() {
                add(identical, Origin::Identical(identical));
            }
            next = part.around();
        }
        effective
    }

    /// The child elements of a name that hold for this part: its own, or else those of the nearest part around
    /// it that has some.
    ///
    /// ```
    /// use agog_jdf::{Document, Limits, Ticket};
    /// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="m" PartIDKeys="SheetName"><Media SheetName="S1"/><Location LocationName="Aisle 3"/></Media></JDF>"#;
    /// let document = Document::parse(source, &Limits::default())?;
    /// let sheet = Ticket::of(&document)?.resource("m").unwrap().leaves()[0];
    /// assert_eq!(sheet.elements("Location")[0].attribute("LocationName"), Some("Aisle 3"));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn elements(self, local_name: &str) -> Vec<ElementRef<'d>> {
        let own = |part: &Self| -> Vec<_> { part.element.children_named(local_name).collect() };
        std::iter::successors(Some(self), |part| part.around())
            .map(|part| own(&part))
            .find(|elements| !elements.is_empty())
            .unwrap_or_default()
    }

    /// Visits this and every part below it with its depth, parents before children.
    fn walk(self, mut visit: impl FnMut(Self, usize)) {
        let mut stack = vec![(self, 0)];
        while let Some((part, depth)) = stack.pop() {
            visit(part, depth);
            let first = stack.len();
            stack.extend(part.partitions().map(|part| (part, depth + 1)));
            stack[first..].reverse();
        }
    }
}

/// A part on the way of a selection.
#[derive(Clone, Copy)]
struct Search<'d> {
    part: Resource<'d>,
    /// How many of the wanted keys no part so far has named.
    missing: usize,
    /// How much was found before the parts below; set once they have been looked at.
    found_before: Option<usize>,
}

impl<'d> Search<'d> {
    fn begin(part: Resource<'d>, missing: usize) -> Self {
        Self {
            part,
            missing,
            found_before: None,
        }
    }
}

/// The keys that a part itself has.
pub(super) fn own_keys<'d, 'n>(
    part: Resource<'d>,
    names: &'n [&'d str],
) -> impl Iterator<Item = (&'d str, &'d str)> + use<'d, 'n> {
    names
        .iter()
        .filter_map(move |name| Some((*name, part.element.attribute(name)?)))
}

fn data_type(key: &str) -> Option<DataType> {
    PARTITION_KEYS
        .iter()
        .find(|facts| facts.name == key)
        .map(|facts| facts.data_type)
}

/// Whether a wanted value is that of a part: the same text, a number within its ranges, or one of its names.
fn is_value(key: &str, value: &str, wanted: &str) -> bool {
    if value == wanted {
        return true;
    }
    match data_type(key) {
        Some(DataType::IntegerRanges) => {
            let (Some(Ranges(ranges)), Some(Ranges(wanted))) =
                (Ranges::read(value), Ranges::read(wanted))
            else {
                return false;
            };
            // Counted from the end, a number means nothing without the length.
            let is_counted = ranges
                .iter()
                .chain(&wanted)
                .flatten()
                .all(|bound| *bound >= 0);
            let is_within = |[from, to]: &[i64; 2]| {
                ranges
                    .iter()
                    .any(|range| range[0] <= *from && *to <= range[1])
            };
            is_counted && wanted.iter().all(is_within)
        }
        Some(DataType::Names) => tokens(wanted).all(|name| tokens(value).any(|own| own == name)),
        _ => false,
    }
}

/// Whether two parts have anything in common: no key that both have keeps them apart.
pub(crate) fn keys_overlap(
    one: &BTreeMap<String, String>,
    other: &BTreeMap<String, String>,
) -> bool {
    one.iter().all(|(key, value)| {
        other
            .get(key)
            .is_none_or(|wanted| values_overlap(key, value, wanted))
    })
}

/// Whether a key may mean several values at once, so that equal parts may be written differently.
pub(crate) fn is_manifold(key: &str) -> bool {
    matches!(
        data_type(key),
        Some(DataType::IntegerRanges | DataType::NameRanges | DataType::Names)
    )
}

/// Where it cannot be told, as for numbers that count from the end, values are taken to overlap.
fn values_overlap(key: &str, value: &str, other: &str) -> bool {
    if value == other {
        return true;
    }
    match data_type(key) {
        Some(DataType::IntegerRanges) => {
            let (Some(Ranges(ranges)), Some(Ranges(others))) =
                (Ranges::read(value), Ranges::read(other))
            else {
                return false;
            };
            let is_counted = |ranges: &[[i64; 2]]| ranges.iter().flatten().all(|bound| *bound >= 0);
            let meet = |[from, to]: &[i64; 2]| {
                let mut others = others.iter();
                others.any(|[start, end]| start <= to && from <= end)
            };
            !is_counted(&ranges) || !is_counted(&others) || ranges.iter().any(meet)
        }
        Some(DataType::Names | DataType::NameRanges) => {
            let is_range = value.contains('~') || other.contains('~');
            is_range || tokens(value).any(|name| tokens(other).any(|other| other == name))
        }
        _ => false,
    }
}
