//! Properties of the tree: what is read is written back, nothing panics, hostile shapes are refused.

use agog_jdf::{Document, Element, ErrorKind, Limits};
use proptest::prelude::*;

fn parse(text: &str) -> Document {
    Document::parse(text.as_bytes(), &Limits::default()).unwrap()
}

fn refused(text: &str) -> agog_jdf::Error {
    Document::parse(text.as_bytes(), &Limits::default()).unwrap_err()
}

#[test]
fn everything_that_is_not_an_element_is_kept_too() {
    let source = "\u{FEFF}<?xml version='1.0'  encoding=\"UTF-8\" ?>\r\n<!-- head --><?go now?>\n\
        <j:JDF xmlns:j='http://www.CIP4.org/JDFSchema_1_1' xmlns:v=\"urn:v\"\tID = 'n1'\n  v:x='&#x41;&quot;' >\
        <![CDATA[<raw>]]> text &amp; more<v:Own  /><!-- in --><?pi?></j:JDF >\n<!-- tail -->\n";
    let document = parse(source);
    assert_eq!(document.to_bytes(), source.as_bytes());
    let root = document.root();
    assert!(root.is_jdf("JDF"));
    assert_eq!(root.attribute("v:x"), Some("A\""));
    assert_eq!(root.attribute_in("urn:v", "x"), Some("A\""));
    assert_eq!(root.text(), "<raw> text & more");
    assert_eq!(root.children().next().unwrap().namespace(), Some("urn:v"));
}

#[test]
fn jdf_is_recognised_in_its_old_and_misspelt_namespaces() {
    for namespace in [
        "http://www.CIP4.org/JDFSchema_1_1",
        "http://www.cip4.org/JDFSchema_1_1",
        "http://www.CIP4.org/JDFSchema_1",
    ] {
        let source = format!("<JDF xmlns='{namespace}'/>");
        let document = parse(&source);
        assert!(document.root().is_jdf("JDF"), "{namespace}");
        assert_eq!(document.to_bytes(), source.as_bytes());
    }
    assert!(
        !parse("<JDF xmlns='http://www.CIP4.org/JDFSchema_2_0'/>")
            .root()
            .is_jdf("JDF")
    );
}

#[test]
fn a_document_type_definition_is_refused_with_its_place() {
    let error = refused("<?xml version='1.0'?>\n  <!DOCTYPE a [<!ENTITY b 'c'>]>\n<a>&b;</a>");
    assert_eq!(error.kind, ErrorKind::DocumentType);
    assert_eq!((error.position.line, error.position.column), (2, 3));
}

#[test]
fn an_undeclared_entity_is_refused_with_its_place() {
    let error = refused("<JDF>\n<Comment>a &b; c</Comment></JDF>");
    assert_eq!(error.kind, ErrorKind::Entity("b".to_owned()));
    assert_eq!((error.position.line, error.position.column), (2, 12));
    assert_eq!(error.position.path, "/JDF/Comment");
}

#[test]
fn a_hundred_thousand_nested_elements_give_an_error_and_not_a_crash() {
    let source = "<a>".repeat(100_000) + &"</a>".repeat(100_000);
    assert_eq!(
        refused(&source).kind,
        ErrorKind::Limit {
            what: "nested elements",
            limit: 256
        }
    );
    // With the limit lifted they are read, walked, edited and written without recursion.
    let limits = Limits {
        depth: 200_000,
        ..Limits::default()
    };
    let mut document = Document::parse(source.as_bytes(), &limits).unwrap();
    let deepest = document.root().descendants().last().unwrap().id();
    document.set_attribute(deepest, "b", "c").unwrap();
    assert_eq!(document.to_bytes().len(), source.len() + 6);
}

#[test]
fn what_xml_forbids_is_refused() {
    for source in [
        "",
        "  ",
        "text",
        "<a>",
        "</a>",
        "<a></b>",
        "<a/><b/>",
        "<a/>text",
        "<a b='1' b='2'/>",
        "<a b=1/>",
        "<a b/>",
        "<a b='1'c='2'/>",
        "<a b='<'/>",
        "<a>&#0;</a>",
        "<a>&#xD800;</a>",
        "<a>\u{1}</a>",
        "<a>]]></a>",
        "<1/>",
        "<a>&amp</a>",
        " <?xml version='1.0'?><a/>",
        "<a b='1",
        "<![CDATA[x]]><a/>",
        "\u{FEFF}\u{FEFF}<a/>",
        "<a><?xml version='1.0'?></a>",
    ] {
        let result = Document::parse(source.as_bytes(), &Limits::default());
        assert!(result.is_err(), "{source:?} was accepted");
        assert!(result.unwrap_err().position.line > 0);
    }
}

#[test]
fn each_limit_names_itself() {
    let limits = Limits {
        document_bytes: 400,
        depth: 3,
        attributes: 2,
        attribute_bytes: 10,
        text_bytes: 20,
        elements: 8,
    };
    let check = |source: &str, what: &str| {
        let error = Document::parse(source.as_bytes(), &limits).unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::Limit { what: name, .. } if name == what),
            "{error}"
        );
    };
    check(&" ".repeat(401), "bytes of document");
    check("<a><b><c><d/></c></b></a>", "nested elements");
    check("<a b='' c='' d=''/>", "attributes of one element");
    check("<a b='12345678901'/>", "bytes of attribute");
    check("<a>123456789012345678901</a>", "bytes of text");
    check("<a><b/><b/><b/><b/><b/><b/><b/><b/></a>", "elements");
}

#[test]
fn a_new_child_takes_the_prefix_and_the_layout_of_its_place() {
    let mut document = parse(
        "<j:JDF xmlns:j='http://www.CIP4.org/JDFSchema_1_1'>\n  <j:AuditPool>\n    <j:Created/>\n  </j:AuditPool>\n</j:JDF>",
    );
    let pool = document.root().child("AuditPool").unwrap().id();
    let new = document
        .append_child(pool, &Element::new("Modified").with("Author", "a\"b"))
        .unwrap();
    assert!(document.element(new).unwrap().is_jdf("Modified"));
    assert_eq!(
        document.element(new).unwrap().position().path,
        "/j:JDF/j:AuditPool/j:Modified"
    );
    document
        .append_child(new, &Element::new("Employee"))
        .unwrap();
    insta::assert_snapshot!(String::from_utf8(document.to_bytes()).unwrap(), @r#"
    <j:JDF xmlns:j='http://www.CIP4.org/JDFSchema_1_1'>
      <j:AuditPool>
        <j:Created/>
        <j:Modified Author="a&quot;b"><j:Employee/></j:Modified>
      </j:AuditPool>
    </j:JDF>
    "#);
}

#[test]
fn removed_elements_and_attributes_are_gone_and_the_rest_stays() {
    let mut document = parse("<a x='1'  y='2'><b/>, <c>old</c></a>");
    let root = document.root().id();
    let ids: Vec<_> = document
        .root()
        .children()
        .map(agog_jdf::ElementRef::id)
        .collect();
    document.remove(ids[0]).unwrap();
    assert!(document.remove_attribute(root, "x").unwrap());
    document.set_text(ids[1], "new & better").unwrap();
    document.set_attribute(root, "z", "3").unwrap();
    assert_eq!(
        document.to_bytes(),
        b"<a  y='2' z=\"3\">, <c>new &amp; better</c></a>"
    );
    assert!(
        document.remove(ids[0]).is_err(),
        "what was removed cannot be edited"
    );
    assert_eq!(
        document.remove(root).unwrap_err().kind,
        ErrorKind::RemoveRoot
    );
}

#[test]
fn a_removed_element_leaves_what_stands_around_it_and_a_comment_stays_with_its_neighbour() {
    let mut document = parse("<a>\n  <!-- of b -->\n  <b/>\n  <c/>\n</a>");
    let c = document.root().children().last().unwrap().id();
    let b = document.root().children().next().unwrap().id();
    document.insert_before(c, &Element::new("d")).unwrap();
    document.remove(b).unwrap();
    document
        .append_child(document.root().id(), &Element::new("e"))
        .unwrap();
    insta::assert_snapshot!(String::from_utf8(document.to_bytes()).unwrap(), @r"
    <a>
      <!-- of b -->
      
      <d/>
      <c/>
      <e/>
    </a>
    ");
}

#[test]
fn positions_count_characters_and_name_the_attribute() {
    let document = parse(
        "<JDF xmlns='http://www.CIP4.org/JDFSchema_1_1'>\r\n \u{e4} <Media a='1'/><Media  b='2'\n  c='3'/></JDF>",
    );
    let second = document.root().children().nth(1).unwrap();
    let position = second.attribute_position("c").unwrap();
    assert_eq!(
        (position.line, position.column, position.path.as_str()),
        (3, 3, "/JDF/Media[2]/@c")
    );
    assert_eq!(second.position().column, 18);
    assert_eq!(
        document.source_line(2),
        Some(" \u{e4} <Media a='1'/><Media  b='2'")
    );
    assert_eq!(document.source_line(4), None);
    assert_eq!(second.attribute_position("a"), None);
}

fn content() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[ a-z\n]{0,8}",
        Just("<!-- c -->".to_owned()),
        Just("<![CDATA[ <x> ]]>".to_owned()),
        Just("&lt;&#228;".to_owned()),
        "[A-Z][a-z]{0,4}".prop_map(|name| format!("<{name} x='1' \t/>")),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        (
            "[A-Z][a-z]{0,4}",
            "[^\"<&\u{0}-\u{1f}\u{fffe}\u{ffff}]{0,8}",
            prop::collection::vec(inner, 0..5),
        )
            .prop_map(|(name, value, children)| {
                format!("<{name}  a=\"{value}\" >{}</{name} >", children.concat())
            })
    })
}

/// One edit of an element that is chosen by a number.
#[derive(Debug, Clone)]
enum Edit {
    Set(&'static str, String),
    Unset(&'static str),
    Append(&'static str),
    Insert(&'static str),
    Remove,
    Text(String),
}

fn edit() -> impl Strategy<Value = Edit> {
    let name = prop_oneof![Just("a"), Just("x"), Just("New")];
    let value = "[ -~\n\u{e4}]{0,6}";
    prop_oneof![
        (name.clone(), value).prop_map(|(name, value)| Edit::Set(name, value)),
        name.clone().prop_map(Edit::Unset),
        name.clone().prop_map(Edit::Append),
        name.prop_map(Edit::Insert),
        Just(Edit::Remove),
        value.prop_map(Edit::Text),
    ]
}

/// What an application sees of a document: every element with its attributes, text and place.
fn seen(document: &Document) -> Vec<String> {
    let root = document.root();
    std::iter::once(root)
        .chain(root.descendants())
        .map(|element| {
            let attributes: Vec<_> = element
                .attributes()
                .map(|attribute| (attribute.name, attribute.value))
                .collect();
            format!("{} {attributes:?} {:?}", element.path(), element.text())
        })
        .collect()
}

#[test]
fn an_element_of_another_document_keeps_its_bytes_and_the_meaning_of_its_names() {
    let source = parse(
        "<j:JDF xmlns:j='http://www.CIP4.org/JDFSchema_1_1' xmlns='urn:plain' xmlns:v='urn:v' xmlns:unused='urn:u'>\
         <j:Media  ID='m'\tv:x='a &amp; b'><plain/><![CDATA[<raw>]]><!-- kept --></j:Media></j:JDF>",
    );
    let media = source.root().child("Media").unwrap();
    // Where nothing is the same, everything that may be used is declared.
    let mut target = parse(
        "<JDF xmlns='http://www.CIP4.org/JDFSchema_1_1' xmlns:v='urn:other'>\n  <a/>\n</JDF>",
    );
    let xml = media.to_portable_xml(Some(target.root()));
    let new = target.append_xml(target.root().id(), &xml).unwrap();
    let again = parse(std::str::from_utf8(&target.to_bytes()).unwrap());
    for document in [&target, &again] {
        let media = document.root().child("Media").unwrap();
        assert_eq!(media.attribute_in("urn:v", "x"), Some("a & b"));
        assert_eq!(
            media.children().next().unwrap().namespace(),
            Some("urn:plain")
        );
        assert_eq!(media.text(), "<raw>");
        assert_eq!(media.resolve(Some("unused")), None);
    }
    assert!(
        target
            .element(new)
            .unwrap()
            .to_xml()
            .contains("<j:Media  ID='m'\tv:x='a &amp; b'")
    );
    // Back where everything is declared already, nothing is added.
    let back = target
        .element(new)
        .unwrap()
        .to_portable_xml(Some(source.root()));
    assert_eq!(back, media.to_xml());
}

#[test]
fn what_is_no_element_is_not_put_in_and_changes_nothing() {
    let mut document = parse("<a>\n  <b/>\n</a>");
    let (root, child) = (
        document.root().id(),
        document.root().children().next().unwrap().id(),
    );
    for text in ["", "text", "<c>", "<c/><d/>", "<x:c/", "<!DOCTYPE c><c/>"] {
        assert!(document.append_xml(root, text).is_err(), "{text}");
        assert!(document.replace_with_xml(child, text).is_err(), "{text}");
        assert!(document.insert_xml_before(child, text).is_err(), "{text}");
    }
    assert!(document.replace_with_xml(root, "<c/>").is_err());
    assert!(document.remove_with_layout(&[child, root]).is_err());
    assert_eq!(document.to_bytes(), b"<a>\n  <b/>\n</a>");
}

proptest! {
    #[test]
    fn an_edited_document_reads_the_same_after_it_was_written(
        content in content(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), edit()), 1..12),
    ) {
        let mut document = parse(&format!("<JDF xmlns='http://www.CIP4.org/JDFSchema_1_1'>\n  {content}\n</JDF>"));
        for (which, edit) in edits {
            let ids: Vec<_> = std::iter::once(document.root()).chain(document.root().descendants()).map(agog_jdf::ElementRef::id).collect();
            let id = ids[which.index(ids.len())];
            let is_root = id == document.root().id();
            match edit {
                Edit::Set(name, value) => document.set_attribute(id, name, &value).unwrap(),
                Edit::Unset(name) => {
                    document.remove_attribute(id, name).unwrap();
                    prop_assert_eq!(document.element(id).unwrap().attribute(name), None);
                }
                Edit::Append(name) => {
                    let new = document.append_child(id, &Element::new(name).with("b", "&")).unwrap();
                    prop_assert_eq!(document.element(id).unwrap().children().last().unwrap().id(), new);
                }
                Edit::Insert(name) if !is_root => {
                    document.insert_before(id, &Element::new(name)).unwrap();
                }
                Edit::Remove if !is_root => document.remove(id).unwrap(),
                Edit::Insert(_) | Edit::Remove => {}
                Edit::Text(text) => {
                    document.set_text(id, &text).unwrap();
                    let element = document.element(id).unwrap();
                    prop_assert_eq!(element.text(), text.as_str());
                    prop_assert_eq!(element.children().count(), 0);
                }
            }
            let again = Document::parse(&document.to_bytes(), &Limits::default()).unwrap();
            prop_assert_eq!(seen(&again), seen(&document));
        }
    }

    #[test]
    fn what_is_read_is_written_back(content in content()) {
        let source = format!("<?xml version=\"1.0\"?>\n<JDF xmlns='http://www.CIP4.org/JDFSchema_1_1'>{content}</JDF>\n");
        let document = parse(&source);
        prop_assert_eq!(String::from_utf8(document.to_bytes()).unwrap(), source);
    }

    #[test]
    fn any_value_survives_an_edit(value in any::<String>(), content in content()) {
        let mut document = parse(&format!("<JDF a='1'>{content}</JDF>"));
        let root = document.root().id();
        document.set_attribute(root, "a", &value).unwrap();
        document.append_child(root, &Element::new("New").text(value.as_str())).unwrap();
        let again = Document::parse(&document.to_bytes(), &Limits::default()).unwrap();
        let expected: String = value.chars().map(|c| match c {
            '\t' | '\n' | '\r' | '\u{20}'..='\u{FFFD}' | '\u{10000}'.. => c,
            _ => '\u{FFFD}',
        }).collect();
        prop_assert_eq!(again.root().attribute("a").unwrap(), expected.as_str());
        prop_assert_eq!(again.root().children().last().unwrap().text(), expected.as_str());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Document::parse(&bytes, &Limits::default());
    }

    #[test]
    fn arbitrary_markup_never_panics(text in "[<>/!?&;#x\\[\\]=\"' aé\\-\u{FEFF}]{0,80}") {
        if let Ok(document) = Document::parse(text.as_bytes(), &Limits::default()) {
            prop_assert_eq!(document.to_bytes(), text.as_bytes());
        }
    }

    /// Whatever is put in, exchanged and taken out, the document reads as the list of children that it ought to have.
    #[test]
    fn children_that_are_exchanged_are_those_that_are_read(edits in prop::collection::vec((0_u8..4, 0_usize..8), 0..20)) {
        let mut document = parse("<p>\n <c n='0'/>\n <c n='1'/><!-- x --><c n='2'/> text <c n='3'/>\n</p>");
        let root = document.root().id();
        let mut expected: Vec<String> = (0..4).map(|number| number.to_string()).collect();
        for (turn, (kind, at)) in edits.into_iter().enumerate() {
            let name = format!("e{turn}");
            let xml = format!("<c n='{name}'><d/></c>");
            let child = document.root().children().nth(at).map(agog_jdf::ElementRef::id);
            match (kind, child) {
                (0, _) => {
                    document.append_xml(root, &xml).unwrap();
                    expected.push(name);
                }
                (1, Some(child)) => {
                    document.replace_with_xml(child, &xml).unwrap();
                    expected[at] = name;
                }
                (2, Some(child)) => {
                    document.remove_with_layout(&[child]).unwrap();
                    expected.remove(at);
                }
                (3, Some(child)) => {
                    document.insert_xml_before(child, &xml).unwrap();
                    expected.insert(at, name);
                }
                _ => {}
            }
        }
        let written = String::from_utf8(document.to_bytes()).unwrap();
        for document in [&document, &parse(&written)] {
            let read: Vec<&str> = document.root().children().filter_map(|child| child.attribute("n")).collect();
            prop_assert_eq!(&read, &expected);
        }
        prop_assert!(written.contains("<!-- x -->") && written.contains(" text "));
    }
}
