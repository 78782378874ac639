//! Parts of partitioned resources: which ones a link means, and what holds for them.

use std::collections::BTreeMap;

use agog_jdf::resource::{Media, Origin, View};
use agog_jdf::{Document, Limits, Resource, Ticket};
use proptest::prelude::*;

fn keys(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Cyan for all versions; black in English and German.
fn plates(usage: &str) -> String {
    format!(
        r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><ResourcePool>
  <ExposedMedia ID="p" PartUsage="{usage}" PartIDKeys="Separation PartVersion" Resolution="2400 2400">
    <ExposedMedia Separation="Black"><ExposedMedia PartVersion="EN" ProductID="be"/><ExposedMedia PartVersion="DE" ProductID="bd"/></ExposedMedia>
    <ExposedMedia Separation="Cyan" ProductID="c"/>
  </ExposedMedia>
</ResourcePool></JDF>"#
    )
}

fn selected(source: &str, part: &[(&str, &str)]) -> Vec<String> {
    let document = Document::parse(source.as_bytes(), &Limits::default()).unwrap();
    let resource = Ticket::of(&document).unwrap().resource("p").unwrap();
    let name = |part: &Resource<'_>| {
        part.attribute("ProductID")
            .unwrap_or(part.attribute("Separation").unwrap_or("all"))
            .to_owned()
    };
    resource.select(&keys(part)).iter().map(name).collect()
}

#[test]
fn a_part_that_is_written_out_is_found_whatever_the_usage() {
    for usage in ["Explicit", "Implicit", "Sparse"] {
        let source = plates(usage);
        assert_eq!(selected(&source, &[]), ["all"]);
        assert_eq!(selected(&source, &[("Separation", "Black")]), ["Black"]);
        assert_eq!(
            selected(&source, &[("Separation", "Black"), ("PartVersion", "DE")]),
            ["bd"]
        );
    }
}

#[test]
fn the_usage_says_what_a_key_means_that_a_part_does_not_have() {
    let german = [("PartVersion", "DE")];
    assert_eq!(selected(&plates("Explicit"), &german), ["bd"]);
    assert_eq!(selected(&plates("Sparse"), &german), ["bd", "c"]);
    assert_eq!(selected(&plates("Implicit"), &german), ["bd", "c"]);
    let french = [("PartVersion", "FR")];
    assert_eq!(selected(&plates("Explicit"), &french), [""; 0]);
    assert_eq!(selected(&plates("Sparse"), &french), ["c"]);
    assert_eq!(selected(&plates("Implicit"), &french), ["Black", "c"]);
    let unknown = [("Separation", "Gold")];
    assert_eq!(selected(&plates("Sparse"), &unknown), [""; 0]);
    assert_eq!(selected(&plates("Implicit"), &unknown), ["all"]);
}

#[test]
fn a_number_is_found_in_the_range_that_holds_it() {
    let source = r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><RunList ID="p" PartIDKeys="RunIndex">
        <RunList RunIndex="0 ~ 3 8" ProductID="a"/><RunList RunIndex="4~7" ProductID="b"/><RunList RunIndex="-2 ~ -1" ProductID="c"/></RunList></JDF>"#;
    assert_eq!(selected(source, &[("RunIndex", "2")]), ["a"]);
    assert_eq!(selected(source, &[("RunIndex", "5 ~ 6")]), ["b"]);
    assert_eq!(selected(source, &[("RunIndex", "3 ~ 4")]), [""; 0]);
    assert_eq!(selected(source, &[("RunIndex", "-2 ~ -1")]), ["c"]);
}

#[test]
fn an_identical_part_takes_everything_but_its_keys_from_the_other() {
    let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="p" PartIDKeys="SheetName" Brand="Smith">
        <Media SheetName="S1" Weight="90" Brand="Jones"/><Media SheetName="S2"><Identical><Part SheetName="S1"/></Identical></Media>
        <Media SheetName="S3"><Identical><Part SheetName="S3"/></Identical></Media></Media></JDF>"#;
    let document = Document::parse(source, &Limits::default()).unwrap();
    let leaves = Ticket::of(&document)
        .unwrap()
        .resource("p")
        .unwrap()
        .leaves();
    let second = leaves[1];
    assert_eq!(
        (
            second.attribute("Weight"),
            second.attribute("Brand"),
            second.attribute("SheetName")
        ),
        (Some("90"), Some("Jones"), Some("S2"))
    );
    let origins: Vec<_> = second
        .effective_attributes()
        .into_iter()
        .map(|attribute| {
            (
                attribute.name,
                attribute.value,
                matches!(attribute.origin, Origin::Identical(_)),
            )
        })
        .collect();
    assert_eq!(
        origins,
        [
            ("SheetName", "S2", false),
            ("Weight", "90", true),
            ("Brand", "Jones", true),
            ("ID", "p", false),
            ("PartIDKeys", "SheetName", false)
        ]
    );
    // A part that is identical with itself says nothing.
    assert_eq!(leaves[2].attribute("Weight"), None);
    assert_eq!(leaves[2].attribute("Brand"), Some("Smith"));
}

#[test]
fn elements_are_inherited_as_a_whole() {
    let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Component ID="p" PartIDKeys="SheetName"><Comment>all</Comment>
        <Component SheetName="S1"/><Component SheetName="S2"><Comment>own</Comment></Component></Component></JDF>"#;
    let document = Document::parse(source, &Limits::default()).unwrap();
    let leaves = Ticket::of(&document)
        .unwrap()
        .resource("p")
        .unwrap()
        .leaves();
    let text = |part: Resource<'_>| {
        part.elements("Comment")
            .iter()
            .map(|element| element.text().into_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (text(leaves[0]), text(leaves[1])),
        (vec!["all".to_owned()], vec!["own".to_owned()])
    );
}

#[test]
fn a_resource_of_its_own_kind_inside_another_element_is_no_part() {
    let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="p"><MediaLayers><Media MediaType="Paper"/></MediaLayers></Media></JDF>"#;
    let document = Document::parse(source, &Limits::default()).unwrap();
    let media = Ticket::of(&document).unwrap().resource("p").unwrap();
    assert_eq!(media.leaves(), [media]);
}

/// A tree of parts: for each the value of its key and those below it.
#[derive(Debug, Clone)]
struct Tree(u8, Vec<Tree>);

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = (0_u8..3).prop_map(|value| Tree(value, Vec::new()));
    leaf.prop_recursive(3, 30, 3, |inner| {
        (0_u8..3, prop::collection::vec(inner, 0..4)).prop_map(|(value, below)| Tree(value, below))
    })
}

const NAMES: [&str; 4] = ["SignatureName", "SheetName", "Side", "Separation"];

impl Tree {
    fn write(&self, depth: usize, out: &mut String) {
        use std::fmt::Write as _;
        let _ = write!(out, "<Media {}=\"{}\">", NAMES[depth], self.0);
        self.1.iter().for_each(|below| below.write(depth + 1, out));
        out.push_str("</Media>");
    }

    /// Every leaf with its path, by plain recursion.
    fn leaves(&self, path: &[u8], out: &mut Vec<Vec<u8>>) {
        let path = [path, &[self.0]].concat();
        if self.1.is_empty() {
            out.push(path);
        } else {
            self.1.iter().for_each(|below| below.leaves(&path, out));
        }
    }
}

proptest! {
    #[test]
    fn leaves_and_their_keys_are_those_of_a_plain_recursion(trees in prop::collection::vec(tree(), 1..4), wanted in prop::collection::vec(prop::option::of(0_u8..3), 4)) {
        let mut source = format!("<JDF xmlns='http://www.CIP4.org/JDFSchema_1_1'><Media ID='p' PartIDKeys='{}'>", NAMES.join(" "));
        let mut expected = Vec::new();
        for tree in &trees {
            tree.write(0, &mut source);
            tree.leaves(&[], &mut expected);
        }
        source.push_str("</Media></JDF>");
        let document = Document::parse(source.as_bytes(), &Limits::default()).unwrap();
        let media = Ticket::of(&document).unwrap().resource("p").unwrap();
        let found: Vec<Vec<u8>> = media.leaves_with_keys().iter().map(|leaf| {
            leaf.keys.iter().map(|(_, value)| value.parse().unwrap()).collect()
        }).collect();
        prop_assert_eq!(&found, &expected);

        // What is selected, down to the leaves, is what has the wanted keys.
        let part: BTreeMap<String, String> = NAMES.iter().zip(&wanted).filter_map(|(name, value)| Some(((*name).to_owned(), value.as_ref()?.to_string()))).collect();
        let below: Vec<Vec<u8>> = media.select(&part).into_iter().flat_map(Resource::leaves_with_keys).map(|leaf| {
            leaf.keys.iter().map(|(_, value)| value.parse().unwrap()).collect()
        }).collect();
        let is_wanted = |path: &&Vec<u8>| wanted.iter().enumerate().all(|(depth, value)| value.is_none() || path.get(depth) == value.as_ref());
        let expected: Vec<_> = expected.iter().filter(is_wanted).cloned().collect();
        prop_assert_eq!(below, expected);
    }
}

#[test]
fn what_an_identical_part_inherits_holds_for_the_part_that_refers_to_it() {
    let source = r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="p" Brand="A" PartIDKeys="SheetName Side">
  <Media SheetName="S1" Weight="90"><Media Side="Front" Grade="1"/></Media>
  <Media SheetName="S2" Weight="120" Thickness="80"><Media Side="Front"><Identical><Part SheetName="S1" Side="Front"/></Identical></Media></Media>
</Media></JDF>"#;
    let document = Document::parse(source.as_bytes(), &Limits::default()).unwrap();
    let media = Ticket::of(&document).unwrap().resource("p").unwrap();
    let front = media.leaves()[1];
    for (name, value) in [
        ("SheetName", "S2"),
        ("Grade", "1"),
        ("Weight", "90"),
        ("Thickness", "80"),
        ("Brand", "A"),
    ] {
        assert_eq!(front.attribute(name), Some(value), "{name}");
    }
    // The list of all attributes and the question for one agree.
    for part in media.leaves().into_iter().chain(media.partitions()) {
        for effective in part.effective_attributes() {
            assert_eq!(
                part.attribute(effective.name),
                Some(effective.value),
                "{}",
                effective.name
            );
        }
    }
}

#[test]
fn many_sheets_without_a_list_of_keys_are_searched_in_linear_time() {
    use std::fmt::Write as _;
    let mut source =
        String::from(r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="p">"#);
    for sheet in 0..20_000 {
        write!(source, r#"<Media SheetName="S{sheet}"/>"#).unwrap();
    }
    source.push_str("</Media></JDF>");
    let document = Document::parse(source.as_bytes(), &Limits::default()).unwrap();
    let media = Ticket::of(&document).unwrap().resource("p").unwrap();
    let last = media.partition(&keys(&[("SheetName", "S19999")]));
    assert_eq!(last.attribute("SheetName"), Some("S19999"));
    assert_eq!(media.partition(&keys(&[("SheetName", "S20000")])), media);
}

#[test]
fn a_list_of_too_many_keys_is_cut_and_a_key_counts_once() {
    let names: Vec<String> = (0..5_000)
        .map(|number| format!("K{}", number / 2))
        .collect();
    let source = format!(
        r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="p" PartIDKeys="{}"><Media K0="a" K3000="b"/></Media></JDF>"#,
        names.join(" ")
    );
    let document = Document::parse(source.as_bytes(), &Limits::default()).unwrap();
    let media = Ticket::of(&document).unwrap().resource("p").unwrap();
    assert_eq!(media.part_id_keys().len(), 100);
    assert_eq!(media.leaves_with_keys()[0].keys, [("K0", "a")]);
}

#[test]
fn parts_nested_deeper_than_any_call_stack_are_asked_for_an_attribute() {
    const DEPTH: usize = 30_000;
    let source = format!(
        r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="p" Brand="A" PartIDKeys="SheetName">{}{}</Media></JDF>"#,
        r#"<Media SheetName="S">"#.repeat(DEPTH),
        "</Media>".repeat(DEPTH)
    );
    let deep = Limits {
        depth: DEPTH + 10,
        ..Limits::default()
    };
    let document = Document::parse(source.as_bytes(), &deep).unwrap();
    let leaf = Ticket::of(&document)
        .unwrap()
        .resource("p")
        .unwrap()
        .leaves()[0];
    assert_eq!(
        (leaf.attribute("Brand"), leaf.attribute("Weight")),
        (Some("A"), None)
    );
}

#[test]
fn a_builder_of_parts_nested_as_deep_as_a_document_may_be_takes_over_the_outer_ones() {
    const DEPTH: usize = 250;
    let source = format!(
        r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1"><Media ID="p" PartIDKeys="SheetName">{}{}</Media></JDF>"#,
        r#"<Media SheetName="S">"#.repeat(DEPTH),
        "</Media>".repeat(DEPTH)
    );
    let document = Document::parse(source.as_bytes(), &Limits::default()).unwrap();
    let media = Media::of(Ticket::of(&document).unwrap().resource("p").unwrap()).unwrap();
    let written = media.to_new().to_element().to_xml();
    assert_eq!(
        written.matches("<Media ").count(),
        33,
        "itself and 32 levels below"
    );
}
