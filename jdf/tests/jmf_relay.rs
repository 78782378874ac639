//! A controller passes messages on: of unknown types, with extensions, edited where it must; nothing is lost.

mod support;

use agog_jdf::jmf::{Body, Jmf, Message, Response, ReturnCode, SignalContent};
use agog_jdf::{Element, ErrorKind, Fragment, Limits};
use proptest::prelude::*;

const RECEIVED: &str = r#"<jdf:JMF xmlns:jdf="http://www.CIP4.org/JDFSchema_1_1" xmlns:v="urn:vendor" SenderID='mis' TimeStamp='2025-03-01T08:00:00Z' Version='1.3'>
  <jdf:Query ID="Q1"  Type='v:InkTemperature'><v:Unit Name="4&#10;"/><!-- kept --></jdf:Query>
  <jdf:Signal ID="S1" Type="Status" v:Trace="7">
    <jdf:DeviceInfo DeviceStatus="Running" v:Mood="good"><v:Extra>a &amp; b</v:Extra></jdf:DeviceInfo>
  </jdf:Signal>
</jdf:JMF>"#;

fn now() -> jiff::Timestamp {
    "2025-03-01T08:00:01Z".parse().unwrap()
}

#[test]
fn messages_passed_on_keep_every_byte_and_mean_the_same() {
    // Given messages with what this crate does not know, written with prefixes of their own …
    let received = Jmf::parse(RECEIVED.as_bytes(), &Limits::default()).unwrap();
    let messages = received.jmf.messages.iter();
    let mut onwards = Jmf::new("agent", now());
    onwards.messages = messages
        .map(|message| received.verbatim(message).unwrap())
        .collect();
    // … when they are passed on …
    let bytes = onwards.to_bytes();
    let text = String::from_utf8(bytes.clone()).unwrap();
    // … then what stood inside each element stands there still, and the types read as before.
    for message in &received.jmf.messages {
        let xml = received.element(message).unwrap().to_xml();
        let inside = &xml[xml.find('>').unwrap()..];
        assert!(text.contains(inside), "{inside}\n{text}");
    }
    let again = Jmf::parse(&bytes, &Limits::default()).unwrap();
    assert_eq!(again.jmf.sender_id, "agent");
    for (after, before) in again.jmf.messages.iter().zip(&received.jmf.messages) {
        assert_eq!((&after.id, &after.kind), (&before.id, &before.kind));
        assert_eq!(after.body, before.body);
    }
    let signal = again.element(&again.jmf.messages[1]).unwrap();
    assert_eq!(signal.attribute_in("urn:vendor", "Trace"), Some("7"));
}

#[test]
fn a_message_passed_on_with_typed_ones_is_valid() {
    let source = "<JMF xmlns='http://www.CIP4.org/JDFSchema_1_1' xmlns:i='http://www.w3.org/2001/XMLSchema-instance' \
        SenderID='mis' TimeStamp='2025-03-01T08:00:00Z' Version='1.5'>\
        <Query ID='Q1' Type='Status' i:type='QueryStatus'><StatusQuParams DeviceDetails='Brief'/></Query></JMF>";
    let received = Jmf::parse(source.as_bytes(), &Limits::default()).unwrap();
    let query = &received.jmf.messages[0];
    let refusal = Response::refusal(ReturnCode::DEVICE_ID_UNKNOWN, "no such device");
    let both = Jmf::new("agent", now())
        .with(received.verbatim(query).unwrap())
        .with(Message::response("R1", query, refusal));
    support::assert_valid(&both.to_bytes());
}

#[test]
fn a_message_of_another_document_is_not_mistaken_for_one_of_this() {
    let received = Jmf::parse(RECEIVED.as_bytes(), &Limits::default()).unwrap();
    let fresh = Message::verbatim(
        Element::new("Query")
            .with("ID", "x")
            .with("Type", "y")
            .into(),
    );
    assert_eq!(received.verbatim(&fresh.unwrap()), None);
    let error = Message::verbatim(Element::new("Comment").into()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::WrongRoot { .. }));
}

#[test]
fn a_typed_message_carries_extensions_where_the_specification_leaves_room() {
    let source = "<JMF xmlns='http://www.CIP4.org/JDFSchema_1_1' xmlns:v='urn:v' SenderID='p' \
        TimeStamp='2025-03-01T08:00:00Z' Version='1.5'><Signal ID='s' Type='Resource'><ResourceQuParams/>\
        <ResourceInfo ResourceName='Media'><Media Weight='90' v:Mill='7'/><v:Humidity>40</v:Humidity></ResourceInfo>\
        </Signal></JMF>";
    let read = Jmf::parse(source.as_bytes(), &Limits::default()).unwrap();
    let Body::Signal(signal) = &read.jmf.messages[0].body else {
        panic!("a signal")
    };
    let SignalContent::Resource { resources, .. } = &signal.content else {
        panic!("of resources")
    };
    let names: Vec<&str> = resources[0].content.iter().map(Fragment::name).collect();
    assert_eq!(names, ["Media", "v:Humidity"]);
    let written = String::from_utf8(read.jmf.to_bytes()).unwrap();
    for kept in ["Weight='90' v:Mill='7'/>", ">40</v:Humidity>"] {
        assert!(written.contains(kept), "{written}");
    }
}

proptest! {
    /// Whatever a vendor writes into a message, it arrives as it was sent.
    #[test]
    fn any_extension_is_passed_on(name in "[a-zA-Z][a-zA-Z0-9]{0,8}", value in "\\PC{0,20}", text in "\\PC{0,20}") {
        let query = Element::new("Query")
            .with("ID", "Q1")
            .with("Type", format!("v:{name}"))
            .with("xmlns:v", "urn:v")
            .with(format!("v:{name}"), &value)
            .child(Element::new(format!("v:{name}")).with("a", &value).text(&text));
        let source = Jmf::new("mis", now()).with(Message::verbatim(query.into()).unwrap()).to_bytes();
        let received = Jmf::parse(&source, &Limits::default()).unwrap();
        let message = received.verbatim(&received.jmf.messages[0]).unwrap();
        let onwards = Jmf::new("mis", now()).with(message).to_bytes();
        prop_assert_eq!(onwards, source);
    }
}
