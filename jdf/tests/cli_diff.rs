//! `agog-jdf diff` as a user runs it.

#[path = "support/cli.rs"]
mod cli;

use cli::Desk;

const SENT: &str = "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"n\" Status=\"Waiting\">\n\
  <ResourcePool>\n    <Media ID=\"m\" Weight=\"200.0\" Brand=\"A\"/>\n    <Ink ID=\"i\"/>\n  </ResourcePool>\n  <Comment>fast</Comment>\n</JDF>\n";
const RETURNED: &str = "<j:JDF xmlns:j=\"http://www.CIP4.org/JDFSchema_1_1\" Status=\"Completed\" ID=\"n\">\n\
  <j:AuditPool><j:Created TimeStamp=\"2025-03-01T08:00:00Z\"/></j:AuditPool>\n\
  <j:ResourcePool><j:Media Weight=\"200\" ID=\"m\" Amount=\"5\"/></j:ResourcePool><j:Comment>slow</j:Comment>\n</j:JDF>\n";

#[test]
fn differences_are_shown_by_place_with_the_lines_of_both() {
    let desk = Desk::with(&[("sent.jdf", SENT), ("returned.jdf", RETURNED)]);
    let ended = desk.run(&["diff", "sent.jdf", "returned.jdf"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), ""));
    insta::assert_snapshot!(ended.out, @r#"
    /JDF  (ID n)
      - Status="Waiting"  (line 1)
      + Status="Completed"  (line 1)

    /j:JDF  (ID n)
      + <j:AuditPool> with 1 element in it  (line 2)

    /JDF/ResourcePool
      - <Ink ID="i"/>  (line 4)

    /JDF/ResourcePool/Media  (ID m)
      - Brand="A"  (line 3)

    /j:JDF/j:ResourcePool/j:Media  (ID m)
      + Amount="5"  (line 3)

    /JDF/Comment
      - "fast"  (line 6)
      + "slow"  (line 3)

    6 differences
    "#);
}

#[test]
fn equal_documents_are_passed_over_in_silence() {
    let other = SENT
        .replace("200.0", "2e2")
        .replace('"', "'")
        .replace("\n  ", "\n\n\t<!-- x -->");
    let desk = Desk::with(&[("a.jdf", SENT), ("b.jdf", &other)]);
    let ended = desk.run(&["diff", "a.jdf", "b.jdf"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""));
    let ended = desk.run(&["diff", "--comments", "a.jdf", "b.jdf"]);
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    assert_eq!(desk.names(), ["a.jdf", "b.jdf"], "nothing is written");
}

#[test]
fn programs_get_one_json_object_for_each_difference() {
    let desk = Desk::with(&[("sent.jdf", SENT), ("returned.jdf", RETURNED)]);
    let ended = desk.run(&["diff", "--json", "sent.jdf", "returned.jdf"]);
    let differences: Vec<serde_json::Value> = ended
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!((ended.code, differences.len()), (Some(1), 6));
    let status = &differences[0];
    assert_eq!(status["kind"], "attribute-changed");
    assert_eq!(status["left"]["path"], "/JDF/@Status");
    assert_eq!(
        (&status["left"]["value"], &status["right"]["value"]),
        (&"Waiting".into(), &"Completed".into())
    );
    let ink = &differences[1];
    assert_eq!(
        (&ink["kind"], &ink["left"]),
        (&"element-added".into(), &serde_json::Value::Null)
    );
    assert!(
        ink["right"]["xml"]
            .as_str()
            .unwrap()
            .starts_with("<j:AuditPool>")
    );
}

#[test]
fn a_document_that_cannot_be_read_is_another_matter_than_one_that_differs() {
    let desk = Desk::with(&[("a.jdf", SENT), ("broken.jdf", "<JDF><x></JDF>")]);
    let ended = desk.run(&["diff", "a.jdf", "broken.jdf"]);
    assert_eq!(ended.code, Some(3));
    assert!(
        ended.err.contains("`broken.jdf`") && ended.err.contains("line 1"),
        "{}",
        ended.err
    );
    assert_eq!(desk.run(&["diff", "a.jdf", "none.jdf"]).code, Some(3));
    assert_eq!(desk.run(&["diff", "-", "-"]).code, Some(3));
}

#[test]
fn many_differences_are_counted_and_the_first_shown() {
    let many = |brand: &str| {
        let media: Vec<String> = (0..20)
            .map(|number| format!("<Media ID='m{number}' Brand='{brand}'/>"))
            .collect();
        let media = media.concat();
        format!(
            "<JDF xmlns='http://www.CIP4.org/JDFSchema_1_1'><ResourcePool>{media}</ResourcePool></JDF>"
        )
    };
    let desk = Desk::with(&[("a.jdf", &many("A")), ("b.jdf", &many("B"))]);
    let ended = desk.run(&["diff", "--limit", "3", "a.jdf", "b.jdf"]);
    assert_eq!(ended.out.matches("- Brand=\"A\"").count(), 3);
    assert!(
        ended
            .out
            .ends_with("20 differences, 17 of them not shown (--limit 0 shows all)\n")
    );
}
