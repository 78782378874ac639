//! Findings about elements, references, times and messages, the table of all codes, and documents with very many
//! findings.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use agog_jdf::validate::{FINDINGS_MAX, Level, RULES, missing_files, validate};
use agog_jdf::{Document, Finding, Limits};

const JDF: &str = r#"xmlns="http://www.CIP4.org/JDFSchema_1_1""#;

fn findings(source: &str, level: Level) -> Vec<Finding> {
    let document = Document::parse(source.as_bytes(), &Limits::default()).unwrap();
    validate(&document, level)
}

/// What is told with a code, at any level that tells it.
fn told(source: &str, code: &str) -> String {
    let lines = findings(source, Level::Strict)
        .into_iter()
        .filter(|finding| finding.code == code)
        .map(|finding| {
            format!(
                "{} {} | {} | {} | {}",
                finding.severity.as_str(),
                finding.position.path,
                finding.message,
                finding.found.as_deref().unwrap_or("-"),
                finding.expected.as_deref().unwrap_or("-"),
            )
        });
    lines.collect::<Vec<_>>().join("\n")
}

fn node(content: &str) -> String {
    format!(
        "<JDF {JDF} ID='n' Type='Cutting' Status='Waiting' JobPartID='P' Version='1.5'>{content}</JDF>"
    )
}

#[test]
fn required_and_superfluous_elements_are_told() {
    let pool = |inside: &str| node(&format!("<ResourcePool>{inside}</ResourcePool>"));
    insta::assert_snapshot!(told(&pool("<ExposedMedia ID='e'/>"), "element-missing"), @r#"warning /JDF/ResourcePool/ExposedMedia | `ExposedMedia` has no `Media` | 0 of them | `Media` inside `ExposedMedia`"#);
    assert_eq!(
        told(
            &pool("<ExposedMedia ID='e'><MediaRef rRef='m'/></ExposedMedia><Media ID='m'/>"),
            "element-missing"
        ),
        ""
    );
    let parts = "<ExposedMedia ID='e' PartIDKeys='Side'><MediaRef rRef='m'/><ExposedMedia Side='Front'/></ExposedMedia>";
    assert_eq!(
        told(&pool(parts), "element-missing"),
        "",
        "a part inherits it"
    );
    let twice = node("<AuditPool/><AuditPool/><NodeInfo/><NodeInfo/>");
    insta::assert_snapshot!(told(&twice, "element-twice"), @r#"
warning /JDF/AuditPool[2] | `JDF` has more than 1 `AuditPool` | 2 of them | at most 1
warning /JDF/NodeInfo[2] | `JDF` has more than 1 `NodeInfo` | 2 of them | at most 1
"#);
    insta::assert_snapshot!(told(&pool("<Media ID='m'><FoldingParams/><Comment>x</Comment></Media>"), "element-misplaced"), @r#"note /JDF/ResourcePool/Media/FoldingParams | JDF 1.5 has no `FoldingParams` inside `Media` | FoldingParams | one of Color, ColorMeasurementConditions, HoleList, Media, MediaLayers, TabDimen…"#);
}

#[test]
fn references_in_a_circle_are_told_once_for_each_resource() {
    let circle = node(
        "<ResourcePool><Component ID='a'><ComponentRef rRef='b'/></Component><Component ID='b'><ComponentRef rRef='a'/></Component>\
         <Component ID='c'><ComponentRef rRef='a'/></Component><Component ID='d'/></ResourcePool>",
    );
    insta::assert_snapshot!(told(&circle, "reference-cycle"), @r#"
warning /JDF/ResourcePool/Component[1]/ComponentRef/@rRef | `ComponentRef` leads back to the resource that it is in | b | a resource that does not need this one
warning /JDF/ResourcePool/Component[2]/ComponentRef/@rRef | `ComponentRef` leads back to the resource that it is in | a | a resource that does not need this one
"#);
    let chain = circle.replace("rRef='b'", "rRef='d'");
    assert_eq!(told(&chain, "reference-cycle"), "");
}

#[test]
fn ids_that_attributes_name_must_be_there() {
    let audits = node(
        "<AuditPool><Created TimeStamp='2025-03-01T08:00:00Z' ID='a1'/><Modified TimeStamp='2025-03-01T08:00:00Z' refID='a1'/><Modified TimeStamp='2025-03-01T08:00:00Z' refID='a9'/></AuditPool>",
    );
    insta::assert_snapshot!(told(&audits, "reference-missing"), @r#"note /JDF/AuditPool/Modified[2]/@refID | `refID` names an ID that nothing here has | a9 | the ID of an element of this document"#);
}

#[test]
fn parts_keep_the_order_of_their_keys() {
    let media = |keys: &str, inside: &str| {
        node(&format!(
            "<ResourcePool><Media ID='m' PartIDKeys='{keys}'>{inside}</Media></ResourcePool>"
        ))
    };
    let turned = media(
        "SheetName Side",
        "<Media Side='Front'><Media SheetName='S'/></Media>",
    );
    insta::assert_snapshot!(told(&turned, "part-key-order"), @r#"warning /JDF/ResourcePool/Media/Media/Media/@SheetName | the resource is divided by `Side` before `SheetName` | SheetName | the order of `PartIDKeys`: SheetName Side"#);
    let twice = media(
        "SheetName",
        "<Media SheetName='S'><Media SheetName='T'/></Media>",
    );
    insta::assert_snapshot!(told(&twice, "part-key-order"), @r#"warning /JDF/ResourcePool/Media/Media/Media/@SheetName | the resource is divided by `SheetName` twice | SheetName | the order of `PartIDKeys`: SheetName"#);
    let undeclared = media(
        "SheetName",
        "<Media SheetName='S'><Media Side='Front'/><Media Side='Back'/></Media>",
    );
    insta::assert_snapshot!(told(&undeclared, "part-key-undeclared"), @r#"
warning /JDF/ResourcePool/Media/Media/Media[1]/@Side | `PartIDKeys` does not list `Side` | Front | one of `SheetName`
warning /JDF/ResourcePool/Media/Media/Media[2]/@Side | `PartIDKeys` does not list `Side` | Back | one of `SheetName`
"#);
    assert_eq!(
        told(&undeclared, "part-twice"),
        "",
        "the sides tell them apart"
    );
    let root_only = media(
        "SheetName",
        "<Media SheetName='S' Class='Handling' PartUsage='Sparse'/>",
    );
    insta::assert_snapshot!(told(&root_only, "part-root-only"), @r#"
note /JDF/ResourcePool/Media/Media/@Class | `Class` belongs to the whole `Media` | Handling | no `Class` at a part
note /JDF/ResourcePool/Media/Media/@PartUsage | `PartUsage` belongs to the whole `Media` | Sparse | no `PartUsage` at a part
"#);
}

#[test]
fn an_identical_part_says_itself_what_it_is() {
    let media = |of_t: &str| {
        node(&format!(
            "<ResourcePool><Media ID='m' PartIDKeys='SheetName'><Media SheetName='S'><Identical><Part SheetName='T'/></Identical></Media><Media SheetName='T'>{of_t}</Media></Media></ResourcePool>"
        ))
    };
    assert_eq!(told(&media(""), "part-identical-chain"), "");
    insta::assert_snapshot!(told(&media("<Identical><Part SheetName='S'/></Identical>"), "part-identical-chain"), @r#"
warning /JDF/ResourcePool/Media/Media[1] | /JDF/ResourcePool/Media/Media[2] is itself identical with another part | SheetName=T | a part that says itself what it is
warning /JDF/ResourcePool/Media/Media[2] | /JDF/ResourcePool/Media/Media[1] is itself identical with another part | SheetName=S | a part that says itself what it is
"#);
    insta::assert_snapshot!(told(&media("<Identical><Part SheetName='T'/></Identical>"), "part-identical-chain"), @r#"
warning /JDF/ResourcePool/Media/Media[1] | /JDF/ResourcePool/Media/Media[2] is itself identical with another part | SheetName=T | a part that says itself what it is
warning /JDF/ResourcePool/Media/Media[2] | the part is identical with itself | SheetName=T | a part that says itself what it is
"#);
}

#[test]
fn nodes_name_their_processes_and_parts() {
    insta::assert_snapshot!(told(&node("").replace("Type='Cutting'", "Type='Combined'"), "types-missing"), @r#"warning /JDF/@Type | the combined node does not say which processes it combines | no `Types` | `Types`: the processes in their order"#);
    let twice = node(
        "<JDF ID='a' Type='Cutting' JobPartID='x'/><JDF ID='b' Type='Cutting' JobPartID='x'/>",
    );
    insta::assert_snapshot!(told(&twice, "job-part-twice"), @r#"note /JDF/JDF[2]/@JobPartID | /JDF/JDF[1] has the same `JobPartID` | x | a part of its own"#);
    assert_eq!(
        told(
            &node("").replace(
                "Type='Cutting'",
                "Type='ProcessGroup' Types='PlateMaking v:Own'"
            ),
            "process-unknown"
        ),
        "",
        "gray boxes hold more names than JDF has processes"
    );
}

#[test]
fn versions_are_told() {
    insta::assert_snapshot!(told(&node("").replace("1.5", "2.0"), "version-unknown"), @r#"note /JDF/@Version | the version is none of JDF 1.x | 2.0 | 1.0 to 1.9"#);
    insta::assert_snapshot!(told(&node("").replace("'1.5'", "'1.5' MaxVersion='1.3'"), "version-unknown"), @r#"note /JDF/@Version | the version is above `MaxVersion` | 1.5 | 1.3 or less"#);
    insta::assert_snapshot!(told(&node("").replace("1.5", "1.0").replace("Cutting", "ShapeDefProduction"), "version"), @r#"note /JDF/@Type | `ShapeDefProduction` is not a process of JDF 1.0 | 1.0 | JDF 1.4 or later"#);
}

#[test]
fn plans_that_run_backwards_are_told() {
    let info = |times: &str| {
        node(&format!(
            "<ResourcePool><NodeInfo ID='i' {times}/></ResourcePool>"
        ))
    };
    let (early, late) = ("2025-03-01T08:00:00+01:00", "2025-03-02T08:00:00Z");
    insta::assert_snapshot!(told(&info(&format!("FirstStart='{late}' LastEnd='{early}'")), "schedule-times"), @r#"warning /JDF/ResourcePool/NodeInfo/@LastEnd | `LastEnd` comes before `FirstStart` | 2025-03-01T08:00:00+01:00 | not before 2025-03-02T08:00:00Z"#);
    assert_eq!(
        told(
            &info(&format!(
                "FirstStart='{early}' LastStart='{late}' LastEnd='{late}'"
            )),
            "schedule-times"
        ),
        ""
    );
}

#[test]
fn amounts_beyond_their_bounds_and_unsaid_ones_are_told() {
    let link = |node_status: &str, amounts: &str| {
        format!(
            "<JDF {JDF} ID='n' Type='Cutting' Status='{node_status}'><ResourcePool><Component ID='c'/></ResourcePool><ResourceLinkPool><ComponentLink rRef='c' Usage='Output' {amounts}/></ResourceLinkPool></JDF>"
        )
    };
    insta::assert_snapshot!(told(&link("Waiting", "Amount='90' MinAmount='100'"), "amount-bounds"), @r#"note /JDF/ResourceLinkPool/ComponentLink/@Amount | `Amount` is beyond `MinAmount` | 90 | 100 or more"#);
    insta::assert_snapshot!(told(&link("Completed", "Amount='90'"), "amount-missing"), @r#"note /JDF/ResourceLinkPool/ComponentLink | node `n` is completed, but its output does not say how much was made | no `ActualAmount` | `ActualAmount`"#);
    assert_eq!(
        told(
            &link("Completed", "Amount='90' ActualAmount='91'"),
            "amount-missing"
        ),
        ""
    );
    assert_eq!(told(&link("Waiting", "Amount='90'"), "amount-missing"), "");
}

#[test]
fn audits_and_links_that_tell_different_amounts_are_told() {
    let returned = format!(
        "<JDF {JDF} ID='n' Type='Cutting' Status='Completed'><AuditPool><ResourceAudit TimeStamp='2025-03-01T08:00:00Z'><ComponentLink rRef='c' Usage='Output' ActualAmount='80'/></ResourceAudit></AuditPool>\
         <ResourcePool><Component ID='c'/></ResourcePool><ResourceLinkPool><ComponentLink rRef='c' Usage='Output' ActualAmount='90'/></ResourceLinkPool></JDF>"
    );
    insta::assert_snapshot!(told(&returned, "amounts-differ"), @r#"warning /JDF | Component `c`: the resource audits say 80, the links say 90 | Component `c`: the resource audits say 80, the links say 90 | the same amount everywhere"#);
}

#[test]
fn messages_are_checked() {
    let jmf = |message: &str| {
        format!(
            "<JMF {JDF} SenderID='s' TimeStamp='2025-03-01T08:00:00Z' Version='1.5'>{message}</JMF>"
        )
    };
    insta::assert_snapshot!(told(&jmf("<Query ID='q' Type='KnownBugs'/>"), "message-type-unknown"), @r#"note /JMF/Query/@Type | `KnownBugs` is no type of message of JMF 1.5 | KnownBugs | a type of JMF, or a vendor's own with a prefix"#);
    assert_eq!(
        told(&jmf("<Query ID='q' Type='v:Own'/>"), "message-type-unknown"),
        ""
    );
    insta::assert_snapshot!(told(&jmf("<Query ID='q' Type='SubmitQueueEntry'/>"), "message-family"), @r#"warning /JMF/Query/@Type | JMF has no Query `SubmitQueueEntry` | Query | Command"#);
    insta::assert_snapshot!(told(&jmf("<Command ID='c' Type='AbortQueueEntry'/>"), "message-parameters-missing"), @r#"warning /JMF/Command | the Command `AbortQueueEntry` has no `QueueEntryDef` or `AbortQueueEntryParams` | nothing | `QueueEntryDef` or `AbortQueueEntryParams`"#);
    assert_eq!(
        told(
            &jmf(
                "<Command ID='c' Type='AbortQueueEntry'><QueueEntryDef QueueEntryID='1'/></Command>"
            ),
            "message-parameters-missing"
        ),
        ""
    );
    insta::assert_snapshot!(told(&jmf("<Response ID='r' Type='Status' ReturnCode='0'/>"), "message-reference-missing"), @r#"warning /JMF/Response | the Response does not say which message it answers | no `refID` | the `ID` of the message that is answered"#);
    insta::assert_snapshot!(told(&jmf("<Response ID='r' Type='Status' refID='q' ReturnCode='999'/>"), "return-code-unknown"), @r#"note /JMF/Response/@ReturnCode | 999 is no return code of the specification | 999 | a code such as 0 or 5"#);
    insta::assert_snapshot!(told(&jmf("<Response ID='r' Type='Status' refID='q' ReturnCode='5'/>"), "return-code-unexplained"), @r#"note /JMF/Response/@ReturnCode | the Response refuses and does not say why | 5 (message or query not implemented) | a `Notification` with the reason"#);
    insta::assert_snapshot!(told(&jmf("<Query ID='q' Type='QueueStatus'><Subscription/></Query>"), "subscription-url-missing"), @r#"warning /JMF/Query/Subscription | the subscription has no `URL` | no `URL` | where signals are to be sent"#);
    let in_ticket = node("<NodeInfo><JMF><Query ID='q' Type='KnownBugs'/></JMF></NodeInfo>");
    assert_eq!(
        told(&in_ticket, "message-type-unknown").lines().count(),
        1,
        "tickets carry messages as well"
    );
}

#[test]
fn every_rule_stands_in_the_table_once_and_says_what_it_means() {
    let mut seen = HashSet::new();
    for rule in RULES {
        assert!(seen.insert(rule.code), "`{}` stands there twice", rule.code);
        assert!(
            rule.meaning.ends_with('.') && rule.meaning.starts_with(char::is_uppercase),
            "{}",
            rule.code
        );
        assert!(
            rule.code
                .chars()
                .all(|c| c.is_ascii_lowercase() || c == '-'),
            "{}",
            rule.code
        );
        assert!(!rule.specification.is_empty());
    }
}

/// Twenty thousand siblings in one line, each of them wrong.
#[test]
fn many_findings_among_many_siblings_take_no_longer_than_the_siblings() {
    let wrong = "<MediaLink rRef='x' Usage='Input' Amount='-1'/>".repeat(20_000);
    let source = node(&format!("<ResourceLinkPool>{wrong}</ResourceLinkPool>"));
    let document = Document::parse(source.as_bytes(), &Limits::default()).unwrap();
    let start = Instant::now();
    let found = validate(&document, Level::Strict);
    let took = start.elapsed();
    assert_eq!(found.len(), FINDINGS_MAX + 1);
    assert_eq!(
        found[999].position.path,
        "/JDF/ResourceLinkPool/MediaLink[1000]/@rRef"
    );
    // What is quadratic takes minutes without optimisation.
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[test]
fn parts_that_are_all_identical_with_one_another_are_read_once() {
    let mut parts = String::new();
    for number in 0..10_000 {
        let next = number + 1;
        write!(
            parts,
            "<Media SheetName='S{number}'><Identical><Part SheetName='S{next}'/></Identical></Media>"
        )
        .unwrap();
    }
    let source = node(&format!(
        "<ResourcePool><Media ID='m' PartIDKeys='SheetName'>{parts}</Media></ResourcePool>"
    ));
    let start = Instant::now();
    let found = findings(&source, Level::Tolerant);
    let took = start.elapsed();
    assert!(
        found
            .iter()
            .any(|finding| finding.code == "part-identical-chain")
    );
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[test]
fn files_are_missed_in_the_order_of_the_document() {
    let source = node(
        "<ResourcePool><RunList ID='r'><LayoutElement><FileSpec URL='b.pdf'/></LayoutElement></RunList><Preview ID='p' URL='a.png'/></ResourcePool>",
    );
    let document = Document::parse(source.as_bytes(), &Limits::default()).unwrap();
    let found = missing_files(&document, |_| false);
    let urls: Vec<_> = found
        .iter()
        .map(|finding| finding.found.as_deref().unwrap())
        .collect();
    assert_eq!(urls, ["b.pdf", "a.png"]);
    assert!(found.iter().all(|finding| finding.specification.is_some()));
}
