//! What each kind of state of a device's capabilities takes, and that no description or value is too odd.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use agog_jdf::validate::{Level, RuleFacts, Scope, check_capability, validate};
use agog_jdf::{Document, Limits, Severity};
use proptest::prelude::*;

const JDF: &str = r#"xmlns="http://www.CIP4.org/JDFSchema_1_1""#;

fn document(source: &str) -> Document {
    Document::parse(source.as_bytes(), &Limits::default()).unwrap()
}

/// What is told of an attribute `A` of the only resource, by the description of its state.
fn of_state(state: &str, value: &str) -> Vec<(Severity, String)> {
    let device = document(&format!(
        "<DeviceCap {JDF} Types='Cutting'><DevCaps Name='Media'><DevCap>{state}</DevCap></DevCaps></DeviceCap>"
    ));
    let value = value.replace('\'', "&apos;");
    let ticket = document(&format!(
        "<JDF {JDF} ID='n' Type='Cutting' Status='Waiting'><ResourcePool><Media ID='m' A='{value}'/></ResourcePool>\
         <ResourceLinkPool><MediaLink rRef='m' Usage='Input'/></ResourceLinkPool></JDF>"
    ));
    check_capability(&ticket, device.root(), Scope::Allowed)
        .into_iter()
        .map(|finding| (finding.severity, finding.expected.unwrap_or_default()))
        .collect()
}

#[test]
fn every_kind_of_state_and_list_says_what_it_takes() {
    for (state, right, wrong, words) in [
        (
            "<BooleanState Name='A' AllowedValueList='true'/>",
            "true",
            "false",
            "true",
        ),
        (
            "<DateTimeState Name='A' AllowedValueList='2025-01-01T00:00:00Z ~ 2025-12-31T00:00:00Z'/>",
            "2025-03-01T08:00:00+01:00",
            "2026-03-01T08:00:00Z",
            "2025-01-01T00:00:00Z to 2025-12-31T00:00:00Z",
        ),
        (
            "<DurationState Name='A' AllowedValueList='PT0S ~ PT1H'/>",
            "PT30M",
            "PT2H",
            "PT0S to PT1H",
        ),
        (
            "<EnumerationState Name='A' AllowedValueList='X Y'/>",
            "Y",
            "X Y",
            "one of X, Y",
        ),
        (
            "<EnumerationState Name='A' ListType='List' AllowedValueList='X Y'/>",
            "Y X Y",
            "X Z",
            "one of X, Y",
        ),
        (
            "<EnumerationState Name='A' ListType='List' MaxOccurs='2' AllowedValueList='X Y'/>",
            "Y X",
            "X Y X",
            "one of X, Y",
        ),
        (
            "<NameState Name='A' ListType='UniqueList' AllowedValueList='X Y'/>",
            "Y X",
            "X X",
            "one of X, Y, none twice",
        ),
        (
            "<NameState Name='A' ListType='CompleteList' AllowedValueList='X Y'/>",
            "Y X",
            "X",
            "all of X, Y",
        ),
        (
            "<NameState Name='A' ListType='CompleteOrderedList' AllowedValueList='X Y'/>",
            "X Y",
            "Y X",
            "in this order X, Y",
        ),
        (
            "<NameState Name='A' ListType='ContainedList' AllowedValueList='X'/>",
            "Z X",
            "Z",
            "at least X",
        ),
        (
            "<NameState Name='A' ListType='List' AllowedRegExp='(X)|(Y)'/>",
            "Y X",
            "X Z",
            "matching (X)|(Y)",
        ),
        (
            "<IntegerState Name='A' AllowedValueList='1 ~ 3 7'/>",
            "7",
            "5",
            "1 to 3 7",
        ),
        (
            "<IntegerState Name='A' AllowedValueMod='4 0' AllowedValueMax='32'/>",
            "16",
            "18",
            "32 or less, in steps of 4 from 0",
        ),
        (
            "<IntegerState Name='A' ListType='OrderedRangeList' AllowedValueList='0 ~ 9'/>",
            "1 ~ 2 5",
            "5 1",
            "0 to 9, in order",
        ),
        (
            "<IntegerState Name='A' ListType='UniqueOrderedList' AllowedValueList='0 ~ 9'/>",
            "1 5",
            "5 5",
            "0 to 9, in order and none twice",
        ),
        (
            "<NumberState Name='A' AllowedValueMin='-INF' AllowedValueMax='2.5'/>",
            "2.5",
            "2.6",
            "-INF to 2.5",
        ),
        (
            "<MatrixState Name='A' AllowedTransforms='Rotate0 Rotate180'/>",
            "-1 0 0 -1 5 5",
            "0 1 -1 0 5 5",
            "turned as one of Rotate0 Rotate180",
        ),
        (
            "<MatrixState Name='A' AllowedRotateMod='90' AllowedShift='0 10 0 10'/>",
            "0 1 -1 0 5 5",
            "0 1 -1 0 11 5",
            "turned in steps of 90, shifted by 0 10 0 10",
        ),
        (
            "<MatrixState Name='A'><Value AllowedValue='1 0 0 1 0 0'/></MatrixState>",
            "1.0 0 0 1.0 0 0",
            "1 0 0 1 0 9",
            "one of `1 0 0 1 0 0`",
        ),
        (
            "<PDFPathState Name='A' AllowedLength='3 ~ 8'/>",
            "0 0 m h",
            "0 0 m 10 10 l h",
            "3 to 8 characters",
        ),
        (
            "<RectangleState Name='A' AllowedHWRelation='gt'/>",
            "0 0 10 20",
            "0 0 20 10",
            "height to width: gt",
        ),
        (
            "<ShapeState Name='A' AllowedX='0 ~ 5' AllowedZ='1'/>",
            "5 99 1",
            "5 99 2",
            "x 0 to 5, z 1",
        ),
        (
            "<StringState Name='A' AllowedLength='2 ~ 3' AllowedRegExp='[a-z]+'/>",
            "abc",
            "abcd",
            "2 to 3 characters, matching [a-z]+",
        ),
        (
            "<StringState Name='A'><Value AllowedValue='a b'/><Value AllowedValue='now' ValueUsage='Present'/></StringState>",
            "a b",
            "now",
            "one of `a b`",
        ),
        (
            "<XYPairState Name='A' AllowedXYRelation='ge' AllowedValueMax='100 100'/>",
            "100 90",
            "90 100",
            "100 100 or less, x to y: ge",
        ),
        (
            "<XYPairState Name='A' AllowedValueList='10 10 ~ 20 20 50 50'/>",
            "50 50",
            "30 30",
            "10 10 to 20 20 50 50",
        ),
        (
            "<StringState Name='A' AllowedRegExp='x'/><StringState Name='A' AllowedRegExp='y'/>",
            "y",
            "z",
            "matching x",
        ),
    ] {
        assert_eq!(of_state(state, right), [], "{state} {right}");
        assert_eq!(
            of_state(state, wrong),
            [(Severity::Error, words.to_owned())],
            "{state} {wrong}"
        );
    }
}

/// Forty components that all refer to each other, against twenty descriptions that all hold each other.
#[test]
fn a_check_of_everything_against_everything_ends_and_says_that_it_was_cut_short() {
    let ids: Vec<String> = (0..20).map(|number| format!("c{number}")).collect();
    let ids = ids.join(" ");
    let mut caps = String::new();
    for id in ids.split(' ') {
        write!(caps, "<DevCap ID='{id}' Name='Component' MaxOccurs='INF' DevCapRefs='{ids}'><NumberState Name='Amount' AllowedValueMax='1'/></DevCap>").unwrap();
    }
    let device = document(&format!(
        "<DeviceCap {JDF} Types='Cutting'><DevCaps Name='Component' DevCapRef='{ids}'/><DevCapPool>{caps}</DevCapPool></DeviceCap>"
    ));
    let refs: String = (0..40).fold(String::new(), |refs, number| {
        refs + &format!("<ComponentRef rRef='r{number}'/>")
    });
    let pool: String = (0..40).fold(String::new(), |pool, number| {
        pool + &format!("<Component ID='r{number}' Amount='2'>{refs}</Component>")
    });
    let ticket = document(&format!(
        "<JDF {JDF} ID='n' Type='Cutting' Status='Waiting'><ResourcePool>{pool}</ResourcePool><ResourceLinkPool><ComponentLink rRef='r0' Usage='Input'/></ResourceLinkPool></JDF>"
    ));
    let start = Instant::now();
    let found = check_capability(&ticket, device.root(), Scope::Allowed);
    let took = start.elapsed();
    assert!(took < Duration::from_mins(1), "{took:?}");
    assert!(
        found
            .iter()
            .any(|finding| finding.code == "capability-value")
    );
    assert!(found.iter().any(|finding| {
        finding
            .message
            .contains("too large to be compared to the end")
    }));
}

#[test]
fn tests_that_refer_to_the_same_test_twice_evaluate_it_once() {
    let mut tests = String::new();
    for number in 0..40 {
        let next = number + 1;
        write!(tests, "<Test ID='t{number}'><or><TestRef rRef='t{next}'/><TestRef rRef='t{next}'/></or></Test>").unwrap();
    }
    let device = document(&format!(
        "<DeviceCap {JDF} Types='Cutting'><ActionPool><Action ID='a' TestRef='t0'/></ActionPool>\
         <TestPool>{tests}<Test ID='t40'><IsPresentEvaluation Path='@JobID'/></Test></TestPool></DeviceCap>"
    ));
    for (job, count) in [("JobID='J'", 1), ("", 0)] {
        let ticket = document(&format!(
            "<JDF {JDF} ID='n' Type='Cutting' Status='Waiting' {job}/>"
        ));
        let found = check_capability(&ticket, device.root(), Scope::Allowed);
        assert_eq!(found.len(), count, "{found:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever stands in a description or a ticket: an answer, and soon.
    #[test]
    fn odd_descriptions_and_values_are_survived(
        attributes in prop::collection::vec(
            (prop::sample::select(vec!["AllowedValueList", "AllowedValueMin", "AllowedValueMod", "AllowedRegExp", "AllowedLength",
                "AllowedX", "AllowedShift", "AllowedRotateMod", "ListType", "MinOccurs", "MaxOccurs", "Required"]), "[-0-9a-zA-Z~ .*()\\[\\]|]{0,12}"), 0..4),
        kind in prop::sample::select(vec!["Boolean", "DateTime", "Duration", "Enumeration", "Integer", "Matrix", "Name", "Number",
            "PDFPath", "Rectangle", "Shape", "String", "XYPair", "Odd"]),
        value in "[-0-9a-zA-Z~ .INF]{0,16}",
    ) {
        let mut state = format!("<{kind}State Name='A'");
        let mut seen = Vec::new();
        for (name, text) in attributes {
            if !seen.contains(&name) {
                write!(state, " {name}='{text}'").unwrap();
                seen.push(name);
            }
        }
        state.push_str("/>");
        prop_assert!(of_state(&state, &value).len() <= 2);
    }

    /// Our press and a ticket for it with a few characters changed: whatever can still be read is compared.
    #[test]
    fn damaged_descriptions_and_tickets_are_survived(
        device in damaged("capability/offset-press.jmf"),
        cutter in damaged("capability/die-cutter.xml"),
        ticket in damaged("jdf/press-run.jdf"),
    ) {
        let read = |source: &str| Document::parse(source.as_bytes(), &Limits::default()).ok();
        for device in [device, cutter].iter().filter_map(|source| read(source)) {
            for ticket in [read(&ticket), Some(device.clone())].into_iter().flatten() {
                for finding in check_capability(&ticket, device.root(), Scope::Present) {
                    prop_assert!(RuleFacts::of(finding.code).is_some());
                }
                validate(&ticket, Level::Strict);
            }
        }
    }
}

/// A document of ours with some characters in its values changed.
fn damaged(name: &str) -> impl Strategy<Value = String> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures")
        .join(name);
    let source = std::fs::read_to_string(path).unwrap();
    let odd = prop::sample::select(vec![
        "0", "-1", "~", " ", "x", "INF", "*", "(", "true", "JDF", "c0",
    ]);
    prop::collection::vec((any::<prop::sample::Index>(), odd), 0..12).prop_map(move |changes| {
        let mut text = source.clone();
        for (index, odd) in changes {
            // Only where a value or name goes on, so that most results are still well-formed.
            let places: Vec<usize> = text
                .match_indices(|c: char| c.is_ascii_alphanumeric())
                .map(|(at, _)| at)
                .collect();
            let at = *index.get(&places);
            text.replace_range(at..=at, odd);
        }
        text
    })
}
