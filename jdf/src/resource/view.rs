//! The one macro from which every typed resource is made: `resources!` takes a list of fields and makes
//! the view (reads a document in place) and the builder (writes new elements), so that the two cannot
//! drift apart. Data types of attributes are in `value.rs` beside this.
//!
//! ```text
//! resources! {
//!     /// What the element is (becomes the documentation of the view).
//!     Media, NewMedia, "Media", class "Consumable" {     // `class` only for resources, not for plain elements
//!         /// Meaning and unit (documents the method and the field).
//!         weight: f64 = "Weight",                        // view: weight() -> Option<f64>
//!         kind: Kind = "Type" or "Plain",                // required by JDF: written even if not given
//!     }
//!     + elements {  /// … always inside
//!         layers: MediaLayers, NewMediaLayers,           // view: layers() -> iterator of MediaLayers
//!     }
//!     + resources { /// … inside or by a …Ref, found with the ticket
//!         media: Media, NewMedia,                        // view: media(Some(&ticket)) -> iterator of Media
//!     }
//! }
//! ```

use crate::element::Element;
use crate::node::Ticket;
use crate::resource::Resource;
use crate::resource::partition::PART_ID_KEYS_MAX;
use crate::state::ResourceStatus;
use crate::value::tokens;
use crate::view::ElementRef;

/// A typed view of one kind of element: copyable, over the document, never failing.
///
/// ```
/// use agog_jdf::resource::{Media, View};
/// use agog_jdf::{Document, Limits, Ticket};
/// let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><ResourcePool><Media ID="m" Weight="90"/></ResourcePool></JDF>"#;
/// let document = Document::parse(source, &Limits::default())?;
/// let media = Media::of(Ticket::of(&document)?.resource("m").unwrap()).unwrap();
/// assert_eq!(media.weight(), Some(90.0));
/// assert!(Media::all_in(document.root()).count() == 1);
/// # Ok::<(), agog_jdf::Error>(())
/// ```
pub trait View<'d>: Copy {
    /// The name of the element.
    const NAME: &'static str;

    /// The view without a look at the element's name: what is not there reads as `None`.
    fn over(resource: Resource<'d>) -> Self;

    /// The resource, partition or element seen: for raw attributes, partitions and positions.
    fn resource(self) -> Resource<'d>;

    /// The view, if the resource is of this kind.
    fn of(resource: Resource<'d>) -> Option<Self> {
        resource
            .element()
            .is_jdf(Self::NAME)
            .then(|| Self::over(resource))
    }

    /// Every element of this kind below an element: resources, their partitions, and those inside others.
    fn all_in(element: ElementRef<'d>) -> impl Iterator<Item = Self> {
        element
            .descendants()
            .filter_map(|element| Self::of(Resource::of(element)))
    }

    /// The leaves of a partitioned resource; itself if it has no partitions.
    fn leaves(self) -> impl Iterator<Item = Self> {
        self.resource().leaves().into_iter().map(Self::over)
    }
}

/// What every builder has: identity, partition and whatever has no field of its own.
///
/// ```
/// use agog_jdf::resource::{Common, NewMedia};
/// let media = NewMedia { common: Common::id("m1").named("Board"), weight: Some(300.0), ..Default::default() };
/// assert_eq!(
///     media.to_element().to_xml(),
///     r#"<Media ID="m1" Class="Consumable" Status="Available" DescriptiveName="Board" Weight="300"/>"#
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Common {
    /// Unique in the ticket. A resource in a pool must have one; an element inside another needs none.
    pub id: Option<String>,
    /// Whether it can be used; a resource is `Available` if nothing is said.
    pub status: Option<ResourceStatus>,
    /// What a person calls it.
    pub descriptive_name: Option<String>,
    /// The article number of the office.
    pub product_id: Option<String>,
    /// The keys by which the resource is partitioned, outermost first (only on the resource itself).
    pub part_id_keys: Vec<String>,
    /// The keys of this partition, such as `("SheetName", "S1")`.
    pub keys: Vec<(String, String)>,
    /// References to other resources: element name without `Ref`, and ID, such as `("Media", "m1")`.
    pub refs: Vec<(String, String)>,
    /// Attributes without a field, such as a vendor's with their prefix. Not read back.
    pub attributes: Vec<(String, String)>,
    /// Elements without a field. Not read back.
    pub elements: Vec<Element>,
}

/// Where an element is written, which decides what it must say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a pool: with `ID`, `Class` and `Status`.
    Pool,
    /// Inside another element.
    Inside,
    /// Inside its own resource: only what differs.
    Partition,
}

impl Common {
    /// A resource with an ID.
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewMedia};
    /// let media = NewMedia { common: Common::id("m1"), ..Default::default() };
    /// assert!(media.to_element().to_xml().contains(r#"ID="m1""#));
    /// ```
    pub fn id(id: impl Into<String>) -> Self {
        Self {
            id: Some(id.into()),
            ..Self::default()
        }
    }

    /// A partition with one key.
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewMedia};
    /// let sheet = NewMedia { common: Common::partition("SheetName", "S1"), weight: Some(90.0), ..Default::default() };
    /// let media = NewMedia { common: Common::id("m").partitioned_by(&["SheetName"]), partitions: vec![sheet], ..Default::default() };
    /// assert!(media.to_element().to_xml().contains(r#"PartIDKeys="SheetName"><Media SheetName="S1" Weight="90"/>"#));
    /// ```
    pub fn partition(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self::default().key(key, value)
    }

    /// Says what a person calls it.
    ///
    /// ```
    /// use agog_jdf::resource::Common;
    /// assert_eq!(Common::id("m1").named("Board").descriptive_name.as_deref(), Some("Board"));
    /// ```
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.descriptive_name = Some(name.into());
        self
    }

    /// Adds a key of this partition.
    ///
    /// ```
    /// use agog_jdf::resource::Common;
    /// let front = Common::partition("SheetName", "S1").key("Side", "Front");
    /// assert_eq!(front.keys[1], ("Side".to_owned(), "Front".to_owned()));
    /// ```
    #[must_use]
    pub fn key(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.keys.push((key.into(), value.into()));
        self
    }

    /// Says by which keys the resource is partitioned, outermost first.
    ///
    /// ```
    /// use agog_jdf::resource::Common;
    /// assert_eq!(Common::id("p").partitioned_by(&["SheetName", "Side"]).part_id_keys, ["SheetName", "Side"]);
    /// ```
    #[must_use]
    pub fn partitioned_by(mut self, keys: &[&str]) -> Self {
        self.part_id_keys = keys.iter().map(|key| (*key).to_owned()).collect();
        self
    }

    /// Adds a reference to another resource.
    ///
    /// ```
    /// use agog_jdf::resource::{Common, NewComponent};
    /// let sheet = NewComponent { common: Common::id("c").refers_to("Media", "m1"), ..Default::default() };
    /// assert!(sheet.to_element().to_xml().contains(r#"<MediaRef rRef="m1"/>"#));
    /// ```
    #[must_use]
    pub fn refers_to(mut self, name: impl Into<String>, id: impl Into<String>) -> Self {
        self.refs.push((name.into(), id.into()));
        self
    }

    pub(crate) fn open(&self, name: &str, class: Option<&str>, place: Place) -> Element {
        let in_pool = class.filter(|_| place == Place::Pool);
        let available = in_pool.map(|_| ResourceStatus::Available);
        let keys = (!self.part_id_keys.is_empty()).then(|| self.part_id_keys.join(" "));
        let mut element = Element::new(name.to_owned())
            .with_some("ID", self.id.as_ref())
            .with_some("Class", in_pool)
            .with_some("Status", self.status.as_ref().or(available.as_ref()))
            .with_some("DescriptiveName", self.descriptive_name.as_ref())
            .with_some("ProductID", self.product_id.as_ref())
            .with_some("PartIDKeys", keys);
        for (key, value) in self.keys.iter().chain(&self.attributes) {
            element = element.with(key.clone(), value);
        }
        element
    }

    pub(crate) fn close(&self, element: Element) -> Element {
        let refs = self
            .refs
            .iter()
            .map(|(name, id)| Element::new(format!("{name}Ref")).with("rRef", id));
        element
            .children(refs)
            .children(self.elements.iter().cloned())
    }

    /// What stands at the element itself, without what it inherits.
    pub(crate) fn read(resource: Resource<'_>) -> Self {
        let element = resource.element();
        let text = |name: &str| element.attribute(name).map(str::to_owned);
        let own_list = text("PartIDKeys").unwrap_or_default();
        let names = resource.attribute("PartIDKeys").unwrap_or_default();
        let keys = tokens(names)
            .take(PART_ID_KEYS_MAX)
            .filter_map(|name| Some((name.to_owned(), text(name)?)));
        let refs = element.children().filter_map(|child| {
            let name = child.local_name().strip_suffix("Ref")?;
            Some((name.to_owned(), child.attribute("rRef")?.to_owned()))
        });
        Self {
            id: text("ID"),
            status: element.attribute("Status").map(|text| text.trim().into()),
            descriptive_name: text("DescriptiveName"),
            product_id: text("ProductID"),
            part_id_keys: tokens(&own_list).map(str::to_owned).collect(),
            keys: keys.collect(),
            refs: refs.collect(),
            attributes: Vec::new(),
            elements: Vec::new(),
        }
    }
}

/// The elements of a kind inside a resource; a partition that has none takes those of the one around it.
pub(crate) fn inside<'d, V: View<'d>>(resource: Resource<'d>) -> impl Iterator<Item = V> {
    let holder = holder_of(resource, |name| name == V::NAME);
    holder
        .children_named(V::NAME)
        .map(|child| V::over(Resource::of(child)))
}

/// The elements of a kind inside a resource or, with the ticket, those it refers to.
pub(crate) fn referenced<'d, V: View<'d>>(
    resource: Resource<'d>,
    ticket: Option<&Ticket<'d>>,
) -> impl Iterator<Item = V> {
    let holder = holder_of(resource, |name| {
        name == V::NAME || name.strip_suffix("Ref") == Some(V::NAME)
    });
    children_of(holder).filter_map(move |child| {
        if child.local_name() == V::NAME {
            return Some(V::over(Resource::of(child)));
        }
        if child.local_name().strip_suffix("Ref") != Some(V::NAME) {
            return None;
        }
        let found = ticket?.resource(child.attribute("rRef")?)?;
        let keys = child
            .child("Part")
            .into_iter()
            .flat_map(ElementRef::attributes)
            .map(|key| (key.name.to_owned(), key.value.to_owned()));
        Some(V::over(found.partition(&keys.collect())))
    })
}

/// The nearest element, from a partition outwards, that has a child of the wanted name.
fn holder_of(resource: Resource<'_>, wanted: impl Fn(&str) -> bool) -> ElementRef<'_> {
    let own = resource.element();
    let mut holder = own;
    loop {
        if holder
            .children()
            .any(|child| child.is_of_jdf() && wanted(child.local_name()))
        {
            return holder;
        }
        match holder.parent() {
            Some(parent) if parent.name() == own.name() => holder = parent,
            _ => return own,
        }
    }
}

fn children_of(holder: ElementRef<'_>) -> impl Iterator<Item = ElementRef<'_>> {
    holder.children().filter(|child| child.is_of_jdf())
}

macro_rules! resources {
    ($(
        $(#[$doc:meta])*
        $view:ident, $new:ident, $name:literal $(, class $class:literal)? {
            $( $(#[$field_doc:meta])* $field:ident : $kind:ty = $attribute:literal $(or $default:literal)? ,)*
        }
        $(+ elements { $( $(#[$inside_doc:meta])* $inside:ident : $inside_view:ident, $inside_new:ident, )* })?
        $(+ resources { $( $(#[$ref_doc:meta])* $ref:ident : $ref_view:ident, $ref_new:ident, )* })?
    )+) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $view<'d>(crate::resource::Resource<'d>);

        impl<'d> crate::resource::View<'d> for $view<'d> {
            const NAME: &'static str = $name;

            fn over(resource: crate::resource::Resource<'d>) -> Self {
                Self(resource)
            }

            fn resource(self) -> crate::resource::Resource<'d> {
                self.0
            }
        }

        impl<'d> $view<'d> {
            const CLASS: Option<&'static str> = crate::resource::view::first(&[$($class)?]);

            $(
                $(#[$field_doc])*
                pub fn $field(self) -> Option<<$kind as crate::resource::Value>::View<'d>> {
                    let text = crate::resource::view::attribute(self.0, $attribute, Self::CLASS)?;
                    <$kind as crate::resource::Value>::read(text)
                }
            )*
            $($(
                $(#[$inside_doc])*
                pub fn $inside(self) -> impl Iterator<Item = $inside_view<'d>> {
                    crate::resource::view::inside(self.0)
                }
            )*)?
            $($(
                $(#[$ref_doc])*
                /// With the ticket, also what is referred to and stands elsewhere.
                pub fn $ref(self, ticket: Option<&crate::Ticket<'d>>) -> impl Iterator<Item = $ref_view<'d>> {
                    crate::resource::view::referenced(self.0, ticket)
                }
            )*)?

            /// What stands here, as a builder: to be changed and written elsewhere. What a partition
            /// inherits is not in it, nor is what has no field, nor what is nested more than 32 levels deeper.
            pub fn to_new(self) -> $new {
                self.to_new_within(crate::resource::view::LEVELS_MAX)
            }

            pub(in crate::resource) fn to_new_within(self, levels: usize) -> $new {
                // Not every kind has something inside.
                let _ = levels;
                let element = self.0.element();
                $new {
                    common: crate::resource::Common::read(self.0),
                    $($field: element.attribute($attribute).and_then(crate::resource::value::owned),)*
                    $($($inside: crate::resource::view::below(levels, crate::resource::view::own::<$inside_view<'d>>(element), $inside_view::to_new_within),)*)?
                    $($($ref: crate::resource::view::below(levels, crate::resource::view::own::<$ref_view<'d>>(element), $ref_view::to_new_within),)*)?
                    $(partitions: { let _ = $class; crate::resource::view::below(levels, self.0.partitions().map(Self), Self::to_new_within) },)?
                }
            }
        }

        #[doc = concat!("Builder of a new `", $name, "`; see [`", stringify!($view), "`].")]
        ///
        /// ```
        #[doc = concat!("use agog_jdf::resource::{Common, ", stringify!($new), "};")]
        #[doc = concat!("let new = ", stringify!($new), " { common: Common::id(\"r1\").named(\"one of ours\"), ..Default::default() };")]
        #[doc = concat!("assert!(new.to_element().to_xml().starts_with(r#\"<", $name, " ID=\"r1\"\"#));")]
        /// ```
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct $new {
            /// Identity, partition, references, extensions.
            pub common: crate::resource::Common,
            $( $(#[$field_doc])* pub $field: Option<$kind>, )*
            $($( $(#[$inside_doc])* pub $inside: Vec<$inside_new>, )*)?
            $($( $(#[$ref_doc])* pub $ref: Vec<$ref_new>, )*)?
            $(
                #[doc = concat!("Its partitions: what differs in each. (Class ", $class, ".)")]
                pub partitions: Vec<$new>,
            )?
        }

        impl $new {
            /// The element as it stands in a pool: with `ID`, `Class` and `Status` if it is a resource.
            pub fn to_element(&self) -> crate::Element {
                self.write(crate::resource::view::Place::Pool)
            }

            /// The element as it stands inside another.
            pub fn to_inside(&self) -> crate::Element {
                self.write(crate::resource::view::Place::Inside)
            }

            fn write(&self, place: crate::resource::view::Place) -> crate::Element {
                let element = self.common.open($name, $view::CLASS, place);
                $(
                    let default = crate::resource::view::first(&[$($default)?]);
                    let element = crate::resource::value::write(element, $attribute, self.$field.as_ref(), default, place);
                )*
                $($( let element = element.children(self.$inside.iter().map($inside_new::to_inside)); )*)?
                $($( let element = element.children(self.$ref.iter().map($ref_new::to_inside)); )*)?
                let element = self.common.close(element);
                $(
                    let _ = $class;
                    let element = element.children(
                        self.partitions.iter().map(|part| part.write(crate::resource::view::Place::Partition)),
                    );
                )?
                element
            }
        }

        #[cfg(test)]
        impl crate::resource::tests::Sample for $new {
            const NAME: &'static str = $name;

            fn sample(turn: usize, depth: usize) -> Self {
                let inside = usize::from(depth > 0);
                let _ = inside;
                Self {
                    $($field: Some(<$kind as crate::resource::tests::SampleValue>::sample(turn)),)*
                    $($($inside: (0..inside).map(|_| $inside_new::sample(turn, depth - 1)).collect(),)*)?
                    $($($ref: (0..inside).map(|_| $ref_new::sample(turn, depth - 1)).collect(),)*)?
                    ..Self::default()
                }
            }

            fn common(&mut self) -> &mut crate::resource::Common {
                &mut self.common
            }

            fn element(&self) -> crate::Element {
                self.to_element()
            }

            fn read_back(resource: crate::resource::Resource<'_>) -> Self {
                <$view<'_> as crate::resource::View<'_>>::over(resource).to_new()
            }

            fn attributes() -> &'static [crate::resource::tests::Check] {
                &[$(($attribute, |text| <$kind as crate::resource::Value>::read(text).is_some())),*]
            }
        }
    )+ };
}
pub(crate) use resources;

/// Levels of partitions and elements that one builder takes over: 32. A builder holds what is in it by value, so
/// reading one uses the call stack; real resources nest under ten levels.
pub(crate) const LEVELS_MAX: usize = 32;

/// Builders of what is inside an element; none below the last level.
pub(crate) fn below<V, N>(
    levels: usize,
    views: impl Iterator<Item = V>,
    to_new: impl Fn(V, usize) -> N,
) -> Vec<N> {
    let deeper = |levels| views.map(|view| to_new(view, levels)).collect();
    levels.checked_sub(1).map(deeper).unwrap_or_default()
}

/// The only entry of a list that has at most one.
pub(crate) const fn first(list: &[&'static str]) -> Option<&'static str> {
    match list {
        [first, ..] => Some(first),
        [] => None,
    }
}

/// Resources inherit within their partitions; an element inside itself (a `DevCap` in a `DevCap`) does not.
pub(crate) fn attribute<'d>(
    resource: Resource<'d>,
    name: &str,
    class: Option<&str>,
) -> Option<&'d str> {
    match class {
        Some(_) => resource.attribute(name),
        None => resource.element().attribute(name),
    }
}

/// The elements of a kind directly inside an element.
pub(crate) fn own<'d, V: View<'d>>(element: ElementRef<'d>) -> impl Iterator<Item = V> {
    element
        .children_named(V::NAME)
        .map(|child| V::over(Resource::of(child)))
}
