//! Tests between the values of a ticket: terms joined by `and`, `or`, `xor` and `not`, each an evaluation of
//! one value. What they say of a ticket is not decided here.

use super::capability::DeviceCap;
use super::view::View;
use crate::view::ElementRef;

/// A test of a device's capabilities (JDF 1.5, `Test`).
///
/// ```
/// use agog_jdf::resource::{DeviceCap, Term, View};
/// let source = br#"<Device xmlns="http://www.CIP4.org/JDFSchema_1_1"><DeviceCap><TestPool><Test ID="t1"><and>
///   <NumberEvaluation rRef="weight" ValueList="300 ~ 400"/><not><IsPresentEvaluation rRef="coating"/></not>
/// </and></Test></TestPool></DeviceCap></Device>"#;
/// let document = agog_jdf::Document::parse(source, &agog_jdf::Limits::default())?;
/// let test = DeviceCap::all_in(document.root()).next().unwrap().test("t1").unwrap();
/// let Term::And(all) = test.term().unwrap() else { panic!() };
/// let terms: Vec<Term> = all.terms().collect();
/// let Term::Evaluation(weight) = terms[0] else { panic!() };
/// assert_eq!((weight.kind(), weight.state_ref(), weight.value("ValueList")),
///     ("NumberEvaluation", Some("weight"), Some("300 ~ 400")));
/// assert!(matches!(terms[1], Term::Not(_)));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct CapabilityTest<'d>(ElementRef<'d>);

/// A part of a test. Terms nest as deep as the document does; walk them with a bound.
///
/// ```
/// use agog_jdf::resource::Term;
/// let source = br#"<TestRef xmlns="http://www.CIP4.org/JDFSchema_1_1" rRef="t2"/>"#;
/// let document = agog_jdf::Document::parse(source, &agog_jdf::Limits::default())?;
/// assert!(matches!(Term::of(document.root()), Some(Term::Reference("t2"))));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub enum Term<'d> {
    /// True if all inside are.
    And(Terms<'d>),
    /// True if one inside is.
    Or(Terms<'d>),
    /// True if exactly one inside is.
    Xor(Terms<'d>),
    /// True if the one inside is not.
    Not(Terms<'d>),
    /// True if another test is, by ID.
    Reference(&'d str),
    /// What is said of one value.
    Evaluation(Evaluation<'d>),
}

/// The terms inside one.
///
/// ```
/// use agog_jdf::resource::Term;
/// let source = br#"<or xmlns="http://www.CIP4.org/JDFSchema_1_1"><TestRef rRef="a"/><TestRef rRef="b"/></or>"#;
/// let document = agog_jdf::Document::parse(source, &agog_jdf::Limits::default())?;
/// let Some(Term::Or(any)) = Term::of(document.root()) else { panic!() };
/// assert_eq!(any.terms().count(), 2);
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Terms<'d>(ElementRef<'d>);

/// What is said of one value: that it is there, or which it is (JDF 1.5, `Evaluation`).
///
/// ```
/// use agog_jdf::resource::Term;
/// let source = br#"<StringEvaluation xmlns="http://www.CIP4.org/JDFSchema_1_1" Path="JDF/@JobID"><Value Value="J1"/></StringEvaluation>"#;
/// let document = agog_jdf::Document::parse(source, &agog_jdf::Limits::default())?;
/// let Some(Term::Evaluation(job)) = Term::of(document.root()) else { panic!() };
/// assert_eq!((job.path(), job.values().collect::<Vec<_>>()), (Some("JDF/@JobID"), vec!["J1"]));
/// # Ok::<(), agog_jdf::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Evaluation<'d>(ElementRef<'d>);

impl<'d> DeviceCap<'d> {
    /// Every test of the pool.
    pub fn tests(self) -> impl Iterator<Item = CapabilityTest<'d>> {
        let pools = self.resource().element().children_named("TestPool");
        pools
            .flat_map(|pool| pool.children_named("Test"))
            .map(CapabilityTest)
    }

    /// The test with an ID.
    ///
    /// ```
    /// use agog_jdf::resource::{DeviceCap, View};
    /// let source = br#"<Device xmlns="http://www.CIP4.org/JDFSchema_1_1"><DeviceCap><TestPool><Test ID="t1"/></TestPool></DeviceCap></Device>"#;
    /// let document = agog_jdf::Document::parse(source, &agog_jdf::Limits::default())?;
    /// let cap = DeviceCap::all_in(document.root()).next().unwrap();
    /// assert!(cap.test("t1").is_some() && cap.test("t2").is_none());
    /// # Ok::<(), agog_jdf::Error>(())
    /// ```
    pub fn test(self, id: &str) -> Option<CapabilityTest<'d>> {
        self.tests().find(|test| test.id() == Some(id))
    }
}

impl<'d> CapabilityTest<'d> {
    /// The element seen.
    pub fn element(self) -> ElementRef<'d> {
        self.0
    }

    /// The ID by which actions and terms refer to it.
    pub fn id(self) -> Option<&'d str> {
        self.0.attribute("ID")
    }

    /// What is to be true.
    pub fn term(self) -> Option<Term<'d>> {
        self.0.children().find_map(Term::of)
    }
}

impl<'d> Term<'d> {
    /// The term, if the element is one.
    pub fn of(element: ElementRef<'d>) -> Option<Self> {
        if !element.is_of_jdf() {
            return None;
        }
        match element.local_name() {
            "and" => Some(Self::And(Terms(element))),
            "or" => Some(Self::Or(Terms(element))),
            "xor" => Some(Self::Xor(Terms(element))),
            "not" => Some(Self::Not(Terms(element))),
            "TestRef" => element.attribute("rRef").map(Self::Reference),
            kind if kind.ends_with("Evaluation") => Some(Self::Evaluation(Evaluation(element))),
            _ => None,
        }
    }
}

impl<'d> Terms<'d> {
    /// The element seen.
    pub fn element(self) -> ElementRef<'d> {
        self.0
    }

    /// The terms, in order.
    pub fn terms(self) -> impl Iterator<Item = Term<'d>> {
        self.0.children().filter_map(Term::of)
    }
}

impl<'d> Evaluation<'d> {
    /// The element seen.
    pub fn element(self) -> ElementRef<'d> {
        self.0
    }

    /// Its kind, such as `NumberEvaluation` or `IsPresentEvaluation`.
    pub fn kind(self) -> &'d str {
        self.0.local_name()
    }

    /// The state whose attribute is evaluated, by ID.
    pub fn state_ref(self) -> Option<&'d str> {
        self.0.attribute("rRef")
    }

    /// The value that is evaluated, as an `XPath`.
    pub fn path(self) -> Option<&'d str> {
        self.0.attribute("Path")
    }

    /// An attribute that says which values are meant: `ValueList`, `ValueMod`, `RegExp`, `Length`, `X` …
    pub fn value(self, name: &str) -> Option<&'d str> {
        self.0.attribute(name)
    }

    /// Values that stand in elements of their own: of text, paths and matrices.
    pub fn values(self) -> impl Iterator<Item = &'d str> {
        self.0
            .children_named("Value")
            .filter_map(|value| value.attribute("Value"))
    }
}
