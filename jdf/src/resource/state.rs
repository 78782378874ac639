//! The states of a device's capabilities: of one attribute, which values are allowed and which are now
//! possible. One view for all kinds, since they differ only in the type of the values.

use super::Value;
use super::capability::{Availability, DevCap, DeviceCap};
use super::value::enumerations;
use super::view::View;
use crate::element::Element;
use crate::name;
use crate::view::ElementRef;

enumerations! {
    /// The data type of a state's values; the element's name.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::StateKind::from("NumberState"), agog_jdf::resource::StateKind::Number);
    /// ```
    StateKind {
        Boolean = "BooleanState", DateTime = "DateTimeState", Duration = "DurationState",
        Enumeration = "EnumerationState", Integer = "IntegerState", Matrix = "MatrixState", Name = "NameState",
        Number = "NumberState", PdfPath = "PDFPathState", Rectangle = "RectangleState", Shape = "ShapeState",
        Text = "StringState", XYPair = "XYPairState",
    }
    /// Whether an attribute holds one value, and how several are to be understood.
    ///
    /// ```
    /// assert_eq!(agog_jdf::resource::ListType::from("RangeList").as_str(), "RangeList");
    /// ```
    ListType {
        CompleteList, CompleteOrderedList, ContainedList, List, OrderedList, OrderedRangeList, Range, RangeList,
        SingleValue, Span, UniqueList, UniqueRangeList, UniqueOrderedList, UniqueOrderedRangeList,
    }
}

/// What one attribute may say (JDF 1.5, `AbstractState`).
///
/// ```
/// use agog_jdf::resource::{Availability, NewState, State, StateKind};
/// let weight = NewState::new(StateKind::Number, "Weight").with("AllowedValueMax", "400").with("DefaultValue", "90");
/// let source = format!(r#"<DevCap xmlns="http://www.CIP4.org/JDFSchema_1_1">{}</DevCap>"#, weight.to_element().to_xml());
/// let document = agog_jdf::Document::parse(source.as_bytes(), &agog_jdf::Limits::default())?;
/// let state = State::of(document.root().children().next().unwrap()).unwrap();
/// assert_eq!((state.kind(), state.name()), (StateKind::Number, Some("Weight")));
/// assert_eq!((state.allowed("ValueMax"), state.present("ValueMax")), (Some("400"), Some("400")));
/// assert_eq!(state.default_value(), Some("90"));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct State<'d>(ElementRef<'d>);

impl<'d> State<'d> {
    /// The view, if the element is a state: of JDF and named `…State`.
    pub fn of(element: ElementRef<'d>) -> Option<Self> {
        let is_state = element.is_of_jdf() && element.local_name().ends_with("State");
        is_state.then_some(Self(element))
    }

    /// The element seen.
    pub fn element(self) -> ElementRef<'d> {
        self.0
    }

    /// The type of the values.
    pub fn kind(self) -> StateKind {
        self.0.local_name().into()
    }

    /// The name of the attribute; of text inside an element there is none.
    pub fn name(self) -> Option<&'d str> {
        self.0.attribute("Name")
    }

    /// The ID by which tests refer to it.
    pub fn id(self) -> Option<&'d str> {
        self.0.attribute("ID")
    }

    /// Whether it can be used.
    pub fn availability(self) -> Option<Availability> {
        self.typed::<Availability>("Availability")
    }

    /// Whether the attribute holds one value or several; one if nothing is said.
    pub fn list_type(self) -> ListType {
        self.typed::<ListType>("ListType")
            .unwrap_or(ListType::SingleValue)
    }

    /// Whether the attribute must be there.
    pub fn is_required(self) -> bool {
        self.typed::<bool>("Required").unwrap_or(false)
    }

    /// Whether the device fills in a value of its own; it does if nothing is said.
    pub fn has_default(self) -> bool {
        self.typed::<bool>("HasDefault").unwrap_or(true)
    }

    /// Whether a span is described (of an intent resource).
    pub fn is_span(self) -> bool {
        self.typed::<bool>("Span").unwrap_or(false)
    }

    /// The value that the device fills in.
    pub fn default_value(self) -> Option<&'d str> {
        self.0.attribute("DefaultValue")
    }

    /// The value that is set at the device now.
    pub fn current_value(self) -> Option<&'d str> {
        self.0.attribute("CurrentValue")
    }

    /// What the device can ever do: the attribute `Allowed` with this ending, such as `ValueList`,
    /// `ValueMin`, `ValueMax`, `ValueMod`, `RegExp`, `Length`, `X`, `XYRelation`.
    pub fn allowed(self, ending: &str) -> Option<&'d str> {
        self.0.attribute(&format!("Allowed{ending}"))
    }

    /// What the device can do now, as it is set up: `Present…`, or what it can ever do.
    ///
    /// ```
    /// use agog_jdf::resource::State;
    /// let source = br#"<IntegerState xmlns="http://www.CIP4.org/JDFSchema_1_1" Name="Copies" AllowedValueMax="999" PresentValueMax="50"/>"#;
    /// let document = agog_jdf::Document::parse(source, &agog_jdf::Limits::default())?;
    /// let copies = State::of(document.root()).unwrap();
    /// assert_eq!((copies.allowed("ValueMax"), copies.present("ValueMax")), (Some("999"), Some("50")));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn present(self, ending: &str) -> Option<&'d str> {
        self.0
            .attribute(&format!("Present{ending}"))
            .or_else(|| self.allowed(ending))
    }

    /// The allowed values of text, paths and matrices, which stand in elements of their own.
    pub fn allowed_values(self) -> impl Iterator<Item = &'d str> {
        self.values("Present", "AllowedValue")
    }

    /// Those of them that are possible now.
    ///
    /// ```
    /// use agog_jdf::resource::State;
    /// let source = br#"<StringState xmlns="http://www.CIP4.org/JDFSchema_1_1" Name="Brand"><Value AllowedValue="A"/><Value AllowedValue="B" PresentValue="B"/></StringState>"#;
    /// let document = agog_jdf::Document::parse(source, &agog_jdf::Limits::default())?;
    /// let brand = State::of(document.root()).unwrap();
    /// assert_eq!((brand.allowed_values().count(), brand.present_values().collect::<Vec<_>>()), (2, vec!["B"]));
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn present_values(self) -> impl Iterator<Item = &'d str> {
        let one_by_one = self
            .0
            .children_named("Value")
            .any(|value| value.attribute("PresentValue").is_some());
        let name = if one_by_one {
            "PresentValue"
        } else {
            "AllowedValue"
        };
        self.values(if one_by_one { "" } else { "Allowed" }, name)
    }

    /// The values of an attribute, without those of a usage.
    fn values(self, not_of: &'static str, name: &'static str) -> impl Iterator<Item = &'d str> {
        self.0
            .children_named("Value")
            .filter(move |value| value.attribute("ValueUsage") != Some(not_of))
            .filter_map(move |value| value.attribute(name))
    }

    fn typed<T: Value>(self, name: &str) -> Option<T> {
        T::own(self.0.attribute(name)?)
    }
}

impl<'d> DevCap<'d> {
    /// What its attributes may say.
    pub fn states(self) -> impl Iterator<Item = State<'d>> {
        self.resource().element().children().filter_map(State::of)
    }
}

impl<'d> DeviceCap<'d> {
    /// What attributes of the node may say.
    pub fn states(self) -> impl Iterator<Item = State<'d>> {
        self.resource().element().children().filter_map(State::of)
    }
}

/// Builder of a state; it goes into the `elements` of a [`NewDevCap`](super::NewDevCap)'s `common`.
///
/// ```
/// use agog_jdf::resource::{Common, NewDevCap, NewState, StateKind};
/// let sides = NewState::new(StateKind::Enumeration, "WorkStyle").with("AllowedValueList", "Simplex Perfecting");
/// let common = Common { elements: vec![sides.to_element()], ..Common::default() };
/// let cap = NewDevCap { common, ..Default::default() };
/// assert!(cap.to_inside().to_xml().contains(r#"<EnumerationState Name="WorkStyle" AllowedValueList="Simplex Perfecting"/>"#));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewState {
    kind: StateKind,
    attributes: Vec<(String, String)>,
    values: Vec<String>,
}

impl NewState {
    /// A state of an attribute.
    pub fn new(kind: StateKind, name: impl Into<String>) -> Self {
        Self {
            kind,
            attributes: vec![("Name".to_owned(), name.into())],
            values: Vec::new(),
        }
    }

    /// Adds an attribute, such as `AllowedValueMax`.
    #[must_use]
    pub fn with(mut self, attribute: &str, value: impl std::fmt::Display) -> Self {
        self.attributes
            .push((attribute.to_owned(), value.to_string()));
        self
    }

    /// Adds an allowed value that stands in an element of its own: of text, paths and matrices.
    ///
    /// ```
    /// use agog_jdf::resource::{NewState, StateKind};
    /// let brand = NewState::new(StateKind::Text, "Brand").value("Invercote").to_element();
    /// assert_eq!(brand.to_xml(), r#"<StringState Name="Brand"><Value AllowedValue="Invercote"/></StringState>"#);
    /// ```
    #[must_use]
    pub fn value(mut self, allowed: impl Into<String>) -> Self {
        self.values.push(allowed.into());
        self
    }

    /// The element; a kind that is no XML name is written as `StringState`.
    pub fn to_element(&self) -> Element {
        let kind = Some(self.kind.as_str()).filter(|kind| name::is_name(kind));
        let element = self.attributes.iter().fold(
            Element::new(kind.unwrap_or("StringState").to_owned()),
            |element, (name, value)| element.with(name.clone(), value),
        );
        let values = self.values.iter();
        element.children(values.map(|value| Element::new("Value").with("AllowedValue", value)))
    }
}
