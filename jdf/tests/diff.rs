//! Two documents compared by what they mean.

#[path = "support/corpus.rs"]
mod corpus;

use std::fmt::Write as _;

use agog_jdf::diff::{DiffOptions, Difference, DifferenceKind, Side, diff};
use agog_jdf::{Document, Limits};
use proptest::prelude::*;

const JDF: &str = "xmlns='http://www.CIP4.org/JDFSchema_1_1'";

fn parse(source: &str) -> Document {
    Document::parse(source.as_bytes(), &Limits::default()).unwrap()
}

/// The differences, one a line: kind, paths, values.
fn told(left: &str, right: &str) -> String {
    let (left, right) = (parse(left), parse(right));
    let differences = diff(&left, &right, DiffOptions::default());
    differences.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn line(difference: &Difference<'_>) -> String {
    let side = |side: &Option<Side<'_>>| {
        side.as_ref().map_or_else(
            || "-".to_owned(),
            |side| {
                let value = side.value.as_ref().map(|value| format!(" `{value}`"));
                format!("{}{}", side.position().path, value.unwrap_or_default())
            },
        )
    };
    format!(
        "{}: {} | {}",
        difference.kind.as_str(),
        side(&difference.left),
        side(&difference.right)
    )
}

/// A JDF with this inside its resource pool.
fn pool(resources: &str) -> String {
    format!("<JDF {JDF} ID='n'><ResourcePool>{resources}</ResourcePool></JDF>")
}

#[test]
fn spelling_is_no_difference() {
    let left = "<?xml version='1.0'?><JDF xmlns='http://www.CIP4.org/JDFSchema_1_1' ID='n' JobID='a&amp;b' Types='Cutting Folding'>\
        <AuditPool><Created TimeStamp='2025-03-01T08:00:00Z' ID='c'/></AuditPool>\
        <ResourcePool><Media ID='m' Weight='200.0' Recycled='1' Dimension='10 20.50'/></ResourcePool><Comment>a&#65;</Comment></JDF>";
    let right = "<j:JDF Types=\" Cutting\tFolding\" JobID=\"a&#38;b\" ID=\"n\" xmlns:j=\"http://www.cip4.org/JDFSchema_1_1\"\n\
        xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:schemaLocation='a b'><!-- new -->\n\
        <j:AuditPool>\n<j:Created ID=\"c\" TimeStamp=\"2025-03-01T09:00:00+01:00\"></j:Created></j:AuditPool>\n\
        <j:ResourcePool><j:Media Dimension='10.0  20.5' Recycled='true' Weight='2e2' ID='m'/>\n</j:ResourcePool>\
        <j:Comment><![CDATA[aA]]></j:Comment></j:JDF>";
    assert_eq!(told(left, right), "");
}

#[test]
fn attributes_that_differ_are_told_with_both_values() {
    let left = pool("<Media ID='m' Weight='90' Brand='A'/>");
    let right = pool("<Media ID='m' Weight='90.5' Grade='1'/>");
    insta::assert_snapshot!(told(&left, &right), @r"
    attribute-changed: /JDF/ResourcePool/Media/@Weight `90` | /JDF/ResourcePool/Media/@Weight `90.5`
    attribute-removed: /JDF/ResourcePool/Media/@Brand `A` | /JDF/ResourcePool/Media
    attribute-added: /JDF/ResourcePool/Media | /JDF/ResourcePool/Media/@Grade `1`
    ");
}

#[test]
fn elements_are_matched_by_what_names_them_and_not_by_their_place() {
    let left =
        pool("<Media ID='a' Weight='1'/><Media ID='b' Weight='2'/><Media ID='c' Weight='3'/>");
    let right =
        pool("<Media ID='c' Weight='3'/><Media ID='a' Weight='1'/><Media ID='d' Weight='4'/>");
    insta::assert_snapshot!(told(&left, &right), @"
    attribute-changed: /JDF/ResourcePool/Media[2]/@ID `b` | /JDF/ResourcePool/Media[3]/@ID `d`
    attribute-changed: /JDF/ResourcePool/Media[2]/@Weight `2` | /JDF/ResourcePool/Media[3]/@Weight `4`
    ");
    let left =
        "<Links><MediaLink rRef='a' Usage='Input'/></Links>".replace("Links", "ResourceLinkPool");
    let left = format!("<JDF {JDF} ID='n'>{left}</JDF>");
    let right = left.replace(
        "<MediaLink rRef='a' Usage='Input'/>",
        "<MediaLink rRef='b' Usage='Input'/><MediaLink Usage='Input' rRef='a' Amount='5'/>",
    );
    insta::assert_snapshot!(told(&left, &right), @"
    element-added: - | /JDF/ResourceLinkPool/MediaLink[1]
    attribute-added: /JDF/ResourceLinkPool/MediaLink | /JDF/ResourceLinkPool/MediaLink[2]/@Amount `5`
    ");
}

#[test]
fn links_of_several_parts_are_told_apart_by_their_parts() {
    let link = |part: &str, amount: u32| {
        format!(
            "<MediaLink rRef='m' Usage='Input' Amount='{amount}'><Part SheetName='{part}'/></MediaLink>"
        )
    };
    let node = |links: &str| {
        format!("<JDF {JDF} ID='n'><ResourceLinkPool>{links}</ResourceLinkPool></JDF>")
    };
    let left = node(&(link("S1", 10) + &link("S2", 20)));
    let right = node(&(link("S2", 21) + &link("S1", 11)));
    insta::assert_snapshot!(told(&left, &right), @"
    attribute-changed: /JDF/ResourceLinkPool/MediaLink[1]/@Amount `10` | /JDF/ResourceLinkPool/MediaLink[2]/@Amount `11`
    attribute-changed: /JDF/ResourceLinkPool/MediaLink[2]/@Amount `20` | /JDF/ResourceLinkPool/MediaLink[1]/@Amount `21`
    ");
}

#[test]
fn order_counts_where_it_means_something() {
    let audits = |inside: &str| format!("<JDF {JDF}><AuditPool>{inside}</AuditPool></JDF>");
    let left = audits(
        "<Created TimeStamp='1'/><PhaseTime Status='Setup'/><PhaseTime Status='InProgress'/>",
    );
    let right = audits(
        "<Created TimeStamp='1'/><PhaseTime Status='InProgress'/><PhaseTime Status='Setup'/>",
    );
    insta::assert_snapshot!(told(&left, &right), @"element-moved: /JDF/AuditPool/PhaseTime[1] | /JDF/AuditPool/PhaseTime[2]");

    let layers = |inside: &str| {
        pool(&format!(
            "<Media ID='m'><MediaLayers>{inside}</MediaLayers></Media>"
        ))
    };
    let left = layers("<Media MediaType='Paper'/><GlueLine/><Media MediaType='Foil'/>");
    let right = layers("<GlueLine/><Media MediaType='Paper'/><Media MediaType='Foil'/>");
    insta::assert_snapshot!(told(&left, &right), @"element-moved: /JDF/ResourcePool/Media/MediaLayers/Media[1] | /JDF/ResourcePool/Media/MediaLayers/Media[1]");

    let left = format!("<JDF {JDF}><ResourcePool/><AuditPool/><JDF ID='a'/><JDF ID='b'/></JDF>");
    let right = format!("<JDF {JDF}><JDF ID='b'/><AuditPool/><ResourcePool/><JDF ID='a'/></JDF>");
    assert_eq!(told(&left, &right), "", "nodes and pools have no order");
}

#[test]
fn an_element_that_went_elsewhere_is_moved_and_compared() {
    let node = |outer: &str, inner: &str| {
        format!(
            "<JDF {JDF} ID='n'><ResourcePool>{outer}</ResourcePool><JDF ID='k'><ResourcePool>{inner}</ResourcePool></JDF></JDF>"
        )
    };
    let left = node("<Ink ID='i' InkName='A'/><Media ID='m'/>", "");
    let right = node("<Media ID='m'/>", "<Ink ID='i' InkName='B'/>");
    insta::assert_snapshot!(told(&left, &right), @"
    element-moved: /JDF/ResourcePool/Ink | /JDF/JDF/ResourcePool/Ink
    attribute-changed: /JDF/ResourcePool/Ink/@InkName `A` | /JDF/JDF/ResourcePool/Ink/@InkName `B`
    ");
    // An element that came out of one that is gone as a whole is new.
    let left = format!("<JDF {JDF} ID='n'><JDF ID='k'><Comment ID='c'>x</Comment></JDF></JDF>");
    let right = format!("<JDF {JDF} ID='n'><Comment ID='c'>x</Comment></JDF>");
    insta::assert_snapshot!(told(&left, &right), @"
    element-removed: /JDF/JDF | -
    element-added: - | /JDF/Comment
    ");
    // Two that changed places are moved, not lost between each other.
    let left = format!("<JDF {JDF} ID='n'><JDF ID='p'><JDF ID='q'/></JDF></JDF>");
    let right = format!("<JDF {JDF} ID='n'><JDF ID='q'><JDF ID='p'/></JDF></JDF>");
    insta::assert_snapshot!(told(&left, &right), @"
    element-moved: /JDF/JDF | /JDF/JDF/JDF
    element-moved: /JDF/JDF/JDF | /JDF/JDF
    ");
}

const PLATES: &str = "<ExposedMedia ID='p' Status='Available' PartIDKeys='SheetName Separation'><ExposedMedia SheetName='S1'>\
    <ExposedMedia Separation='Cyan' Resolution='2400 2400'/><ExposedMedia Separation='Black' Resolution='2400 2400'/>\
    </ExposedMedia></ExposedMedia>";

#[test]
fn an_attribute_said_at_each_part_or_around_them_is_the_same() {
    let around = PLATES
        .replace(" Resolution='2400 2400'", "")
        .replace("SheetName='S1'", "SheetName='S1' Resolution='2400.0 2400'");
    assert_eq!(told(&pool(PLATES), &pool(&around)), "");
    let at_top = PLATES
        .replace(" Resolution='2400 2400'", "")
        .replace("ID='p'", "ID='p' Resolution='2400 2400'");
    assert_eq!(told(&pool(&at_top), &pool(&around)), "");
    let said_twice = PLATES.replace(
        "Separation='Black'",
        "Separation='Black' Status='Available'",
    );
    assert_eq!(told(&pool(PLATES), &pool(&said_twice)), "");
}

#[test]
fn an_attribute_of_a_part_that_holds_otherwise_is_told_once() {
    let coarser = PLATES
        .replace(" Resolution='2400 2400'", "")
        .replace("ID='p'", "ID='p' Resolution='1200 1200'");
    insta::assert_snapshot!(told(&pool(PLATES), &pool(&coarser)), @"
    attribute-changed: /JDF/ResourcePool/ExposedMedia/ExposedMedia/ExposedMedia[1]/@Resolution `2400 2400` | /JDF/ResourcePool/ExposedMedia/@Resolution `1200 1200`
    attribute-changed: /JDF/ResourcePool/ExposedMedia/ExposedMedia/ExposedMedia[2]/@Resolution `2400 2400` | /JDF/ResourcePool/ExposedMedia/@Resolution `1200 1200`
    ");
    let used = PLATES.replace("Status='Available'", "Status='InUse'");
    insta::assert_snapshot!(told(&pool(PLATES), &pool(&used)), @"attribute-changed: /JDF/ResourcePool/ExposedMedia/@Status `Available` | /JDF/ResourcePool/ExposedMedia/@Status `InUse`");
    let other = PLATES.replace("Separation='Black'", "Separation='Gold'");
    insta::assert_snapshot!(told(&pool(PLATES), &pool(&other)), @"
    element-removed: /JDF/ResourcePool/ExposedMedia/ExposedMedia/ExposedMedia[2] | -
    element-added: - | /JDF/ResourcePool/ExposedMedia/ExposedMedia/ExposedMedia[2]
    ");
}

#[test]
fn text_and_its_place_among_children_count_and_layout_does_not() {
    let left = format!("<JDF {JDF}><Comment>one</Comment><Comment> a <b/> </Comment></JDF>");
    let right = format!("<JDF {JDF}>\n<Comment>two</Comment><Comment> <b/> a </Comment></JDF>");
    insta::assert_snapshot!(told(&left, &right), @"
    text-changed: /JDF/Comment[1] `one` | /JDF/Comment[1] `two`
    text-changed: /JDF/Comment[2] ` a  ` | /JDF/Comment[2] `  a `
    ");
}

#[test]
fn comments_count_when_asked_for() {
    let (left, right) = (
        parse("<JDF><!-- a --></JDF>"),
        parse("<JDF><!-- b --></JDF>"),
    );
    assert_eq!(diff(&left, &right, DiffOptions::default()), []);
    let differences = diff(&left, &right, DiffOptions { comments: true });
    assert_eq!(
        line(&differences[0]),
        "comments-changed: /JDF `a` | /JDF `b`"
    );
}

#[test]
fn documents_of_different_roots_differ_as_a_whole() {
    assert_eq!(
        told("<JDF/>", "<JMF/>"),
        "element-removed: /JDF | -\nelement-added: - | /JMF"
    );
}

#[test]
fn ten_thousand_siblings_in_another_order_are_matched_at_once() {
    let names: Vec<usize> = (0..10_000).collect();
    let media = |number: &usize| format!("<Media ID='m{number}' Weight='{number}'/>");
    let plain = |number: &usize| format!("<Part SheetName='S{number}'/>");
    let left: String = names
        .iter()
        .map(media)
        .chain(names.iter().map(plain))
        .collect();
    let right: String = names
        .iter()
        .rev()
        .map(media)
        .chain(names.iter().rev().map(plain))
        .collect();
    let (left, right) = (parse(&pool(&left)), parse(&pool(&right)));
    assert_eq!(diff(&left, &right, DiffOptions::default()), []);
}

#[test]
fn depth_costs_no_stack() {
    let source = "<a b='1'>".repeat(50_000) + &"</a>".repeat(50_000);
    let limits = Limits {
        depth: 60_000,
        ..Limits::default()
    };
    let left = Document::parse(source.as_bytes(), &limits).unwrap();
    let right = Document::parse(source.replacen("b='1'", "b='2'", 1).as_bytes(), &limits).unwrap();
    assert_eq!(diff(&left, &right, DiffOptions::default()).len(), 1);
    assert_eq!(
        String::from_utf8(left.formatted()).unwrap().lines().count(),
        99_999
    );
}

#[test]
fn every_real_ticket_equals_itself_laid_out_and_laying_out_twice_changes_nothing() {
    let mut count = 0;
    for path in corpus::corpus_files("tickets")
        .into_iter()
        .chain(corpus::corpus_files("wire"))
    {
        let Ok(document) = Document::parse(&std::fs::read(&path).unwrap(), &Limits::default())
        else {
            continue;
        };
        let formatted = document.formatted();
        let again = Document::parse(&formatted, &Limits::default()).unwrap();
        let differences = diff(&document, &again, DiffOptions { comments: true });
        let told: Vec<String> = differences.iter().map(line).collect();
        assert!(told.is_empty(), "{}:\n{}", path.display(), told.join("\n"));
        assert!(again.formatted() == formatted, "{}", path.display());
        count += 1;
    }
    eprintln!("{count} documents");
}

#[test]
fn every_edit_of_a_real_ticket_is_found() {
    let mut count = 0;
    for path in corpus::corpus_files("tickets") {
        let bytes = std::fs::read(&path).unwrap();
        let Ok(document) = Document::parse(&bytes, &Limits::default()) else {
            continue;
        };
        let Some(element) = document.root().descendants().last() else {
            continue;
        };
        let mut edited = document.clone();
        edited
            .set_attribute(element.id(), "Brand", "an edit")
            .unwrap();
        let differences = diff(&document, &edited, DiffOptions::default());
        assert!(!differences.is_empty(), "{}", path.display());
        count += 1;
    }
    eprintln!("{count} edits");
}

/// A ticket made of names and values that mean something to the comparison.
#[derive(Debug, Clone)]
struct Tree {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    children: Vec<Tree>,
}

fn tree() -> impl Strategy<Value = Tree> {
    let attributes = || {
        prop::collection::btree_map(
            prop::sample::select(vec![
                "Weight",
                "SheetName",
                "Brand",
                "Name",
                "rRef",
                "Amount",
            ]),
            "[0-9]{1,3}",
            0..4,
        )
        .prop_map(|attributes| attributes.into_iter().collect::<Vec<_>>())
    };
    let names = || {
        prop::sample::select(vec![
            "Media",
            "ResourcePool",
            "MediaLink",
            "AuditPool",
            "Comment",
            "JDF",
            "Part",
        ])
    };
    let leaf = (names(), attributes()).prop_map(|(name, attributes)| Tree {
        name,
        attributes,
        children: Vec::new(),
    });
    leaf.prop_recursive(4, 40, 6, move |inner| {
        (names(), attributes(), prop::collection::vec(inner, 0..6)).prop_map(
            |(name, attributes, children)| Tree {
                name,
                attributes,
                children,
            },
        )
    })
}

impl Tree {
    /// As XML; `other` writes the same otherwise: attributes turned round, numbers with a fraction, a prefix, layout,
    /// and the children of resource pools turned round.
    fn write(&self, other: bool, is_root: bool, out: &mut String) {
        let prefix = if other { "x:" } else { "" };
        write!(out, "<{prefix}{}", self.name).unwrap();
        if is_root {
            let colon = if other { ":x" } else { "" };
            write!(out, " xmlns{colon}='http://www.CIP4.org/JDFSchema_1_1'").unwrap();
        }
        let mut attributes: Vec<_> = self.attributes.iter().collect();
        let mut children: Vec<_> = self.children.iter().collect();
        if other {
            attributes.reverse();
            if self.name == "ResourcePool" {
                children.reverse();
            }
        }
        for (name, value) in attributes {
            let is_number = *name == "Weight" && self.name == "Media";
            let fraction = if other && is_number { ".0" } else { "" };
            write!(
                out,
                "{}{name}=\"{value}{fraction}\"",
                if other { "\n " } else { " " }
            )
            .unwrap();
        }
        out.push('>');
        for child in children {
            if other {
                out.push_str("\n\t<!-- layout -->");
            }
            child.write(other, false, out);
        }
        write!(out, "</{prefix}{}>", self.name).unwrap();
    }

    fn source(&self, other: bool) -> String {
        let mut out = String::new();
        self.write(other, true, &mut out);
        out
    }
}

proptest! {
    #[test]
    fn a_document_and_itself_written_otherwise_do_not_differ(tree in tree()) {
        prop_assert_eq!(told(&tree.source(false), &tree.source(true)), "");
        prop_assert_eq!(told(&tree.source(true), &tree.source(false)), "");
    }

    #[test]
    fn a_document_laid_out_is_the_same_and_stays_as_it_is(tree in tree(), other: bool, is_edited: bool) {
        let mut document = parse(&tree.source(other));
        if is_edited {
            let last = document.root().descendants().last();
            let last = last.unwrap_or(document.root()).id();
            document.append_child(last, &agog_jdf::Element::new("New")).unwrap();
            document.set_attribute(last, "Author", "me").unwrap();
        }
        let formatted = String::from_utf8(document.formatted()).unwrap();
        let source = String::from_utf8(document.to_bytes()).unwrap();
        prop_assert_eq!(told(&source, &formatted), "");
        prop_assert_eq!(String::from_utf8(parse(&formatted).formatted()).unwrap(), formatted);
    }

    #[test]
    fn any_edit_is_found(tree in tree(), at: prop::sample::Index, kind in 0..4) {
        let document = parse(&tree.source(false));
        let mut edited = document.clone();
        let elements: Vec<_> = document.root().descendants().collect();
        prop_assume!(!elements.is_empty());
        let element = elements[at.index(elements.len())];
        let kind = match kind {
            0 => {
                // A part's own value always holds for it; what parts inherit may be overruled by all of them.
                edited.set_attribute(element.id(), "DescriptiveName", "an edit").unwrap();
                None
            }
            1 => {
                edited.remove(element.id()).unwrap();
                None
            }
            2 => {
                edited.append_child(element.id(), &agog_jdf::Element::new("New")).unwrap();
                Some(DifferenceKind::ElementAdded)
            }
            _ => {
                prop_assume!(element.children().next().is_none());
                edited.set_text(element.id(), "an edit").unwrap();
                Some(DifferenceKind::TextChanged)
            }
        };
        let differences = diff(&document, &edited, DiffOptions::default());
        prop_assert!(!differences.is_empty());
        if let Some(kind) = kind {
            prop_assert!(differences.iter().any(|difference| difference.kind == kind), "{:?}", differences);
        }
        prop_assert!(!diff(&edited, &document, DiffOptions::default()).is_empty());
    }
}

#[test]
fn line_ends_that_are_mixed_are_laid_out_once_and_for_all() {
    // Found by fuzzing: the first line end is layout and goes away, the second is text and stays.
    let source = "\n<A>text\r\nmore</A> ";
    let once = parse(source).formatted();
    assert_eq!(once, b"<A>text\r\nmore</A>\r\n");
    let again = Document::parse(&once, &Limits::default()).unwrap();
    assert_eq!(again.formatted(), once);
}
