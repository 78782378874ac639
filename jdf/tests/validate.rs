//! Findings: one small document for each code, and what the tickets of the field get.

#[path = "support/complete.rs"]
mod complete;
#[path = "support/corpus.rs"]
mod corpus;

use std::collections::BTreeMap;

use agog_jdf::validate::{FINDINGS_MAX, Level, missing_files, validate};
use agog_jdf::{Document, Limits, Severity, samples};

const HEAD: &str = r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n" Type="Combined" Types="Cutting Folding" Status="Waiting" JobPartID="P" Version="1.5">"#;

fn findings(source: &str, level: Level) -> Vec<String> {
    let document = Document::parse(source.as_bytes(), &Limits::default()).unwrap();
    validate(&document, level)
        .iter()
        .map(|finding| {
            let found = finding.found.as_deref().unwrap_or("-");
            let expected = finding.expected.as_deref().unwrap_or("-");
            format!(
                "{}[{}] {}:{} {} | {} | {found} | {expected}",
                finding.severity.as_str(),
                finding.code,
                finding.position.line,
                finding.position.column,
                finding.position.path,
                finding.message,
            )
        })
        .collect()
}

/// What is found in a node with this content, at the level where the code is told.
fn in_node(content: &str, level: Level, code: &str) -> String {
    let all = findings(&format!("{HEAD}{content}</JDF>"), level);
    let of_code: Vec<_> = all
        .into_iter()
        .filter(|finding| finding.contains(&format!("[{code}]")))
        .collect();
    of_code.join("\n")
}

#[test]
fn what_is_no_jdf_at_all_is_an_error() {
    insta::assert_snapshot!(findings("<JDF xmlns='http://www.CIP4.org/JDFSchema_2_0'/>", Level::Tolerant).join("\n"), @r#"error[namespace-unknown] 1:6 /JDF/@xmlns | `JDF` is not in the namespace of JDF | http://www.CIP4.org/JDFSchema_2_0 | http://www.CIP4.org/JDFSchema_1_1"#);
    insta::assert_snapshot!(findings("<JDF xmlns='http://www.cip4.org/JDFSchema_1_1' ID='n' Type='Product' Status='Waiting' JobPartID='p'/>", Level::Standard).join("\n"), @r#"note[namespace-form] 1:6 /JDF/@xmlns | the namespace is read as JDF, but other readers may not know it | http://www.cip4.org/JDFSchema_1_1 | http://www.CIP4.org/JDFSchema_1_1"#);
}

#[test]
fn ids_are_checked() {
    let twice = "<ResourcePool><Media ID='m'/><Ink ID='m'/></ResourcePool>";
    assert!(
        in_node(twice, Level::Tolerant, "id-twice").starts_with("warning"),
        "nothing refers to it"
    );
    insta::assert_snapshot!(in_node(&format!("{twice}<ResourceLinkPool><MediaLink rRef='m' Usage='Input'/></ResourceLinkPool>"), Level::Tolerant, "id-twice"), @r#"error[id-twice] 1:174 /JDF/ResourcePool/Ink/@ID | `ID="m"` is also given at /JDF/ResourcePool/Media | m | an ID that is used once"#);
    insta::assert_snapshot!(in_node("<ResourcePool><Media ID='1646'/></ResourcePool>", Level::Strict, "id-form"), @r#"note[id-form] 1:161 /JDF/ResourcePool/Media/@ID | an ID begins with a letter or `_` and has no colon or space | 1646 | a name such as `n1646`"#);
    let parts = "<ResourcePool><Media ID='m' PartIDKeys='SheetName'><Media ID='m' SheetName='S'/></Media></ResourcePool>";
    assert_eq!(
        in_node(parts, Level::Strict, "id-twice"),
        "",
        "old writers repeat the ID at the parts"
    );
}

#[test]
fn attributes_are_checked_against_the_tables() {
    let media = |attributes: &str| {
        format!(
            "<ResourcePool><Media ID='m' Class='Consumable' Status='Available' {attributes}/></ResourcePool>"
        )
    };
    insta::assert_snapshot!(in_node(&media("Weight='heavy'"), Level::Tolerant, "value-type"), @r#"warning[value-type] 1:206 /JDF/ResourcePool/Media/@Weight | `Weight` is not a number | heavy | a number"#);
    insta::assert_snapshot!(in_node(&media("MediaType='Cheese'"), Level::Standard, "value-unlisted"), @r#"warning[value-unlisted] 1:206 /JDF/ResourcePool/Media/@MediaType | `MediaType` is not one of CorrugatedBoard, Disc, EmbossingFoil, EndBoard, Film, Foil, GravureCylinder, ImagingCylinder, LaminatingFoil, MountingTape, Other, Paper, Plate, Screen, SelfAdhesive, ShrinkFoil, Sleeve, Textile, Transparency, Unknown, Vinyl | Cheese | one of CorrugatedBoard, Disc, EmbossingFoil, EndBoard, Film, Foil, GravureCylinder, ImagingCylinder, LaminatingFoil, MountingTape, Other, Paper, Plate, Screen, SelfAdhesive, ShrinkFoil, Sleeve, Textile, Transparency, Unknown, Vinyl"#);
    insta::assert_snapshot!(in_node(&media("Wight='90'"), Level::Strict, "attribute-unknown"), @r#"note[attribute-unknown] 1:206 /JDF/ResourcePool/Media/@Wight | JDF 1.5 has no attribute `Wight` at `Media` | 90 | an attribute of JDF 1.5, or a vendor's own with a prefix"#);
    insta::assert_snapshot!(in_node("<ResourcePool><Media ID='m' Class='Consumable'/></ResourcePool>", Level::Standard, "attribute-missing"), @r#"warning[attribute-missing] 1:154 /JDF/ResourcePool/Media | `Media` lacks `Status` | no `Status` | `Status`: one of the listed values"#);
    insta::assert_snapshot!(in_node("<AuditPool><Created TimeStamp='2004-09-07T13:49:00:00.887+01:00'/></AuditPool>", Level::Standard, "date-time-form"), @r#"note[date-time-form] 1:160 /JDF/AuditPool/Created/@TimeStamp | `TimeStamp`: a time has too many parts; those after the seconds are ignored | 2004-09-07T13:49:00:00.887+01:00 | a time with zone, 2025-03-01T08:00:00Z"#);
    assert_eq!(
        in_node(
            &media("v:Own='x' xmlns:v='urn:v'"),
            Level::Strict,
            "attribute-unknown"
        ),
        ""
    );
}

#[test]
fn values_are_no_longer_than_every_reader_must_take() {
    let told = |attribute: &str, value: &str| {
        let media = format!(
            "<ResourcePool><Media ID='m' Class='Consumable' Status='Available' {attribute}='{value}'/></ResourcePool>"
        );
        let finding = in_node(&media, Level::Standard, "value-length");
        let message = finding.split(" | ").nth(1).unwrap_or_default();
        message.to_owned()
    };
    let names = |count: usize, name: &str| vec![name; count].join(" ");
    // Any value: 65,536 octets and 20,480 characters.
    assert_eq!(told("Brand", &"x".repeat(20_480)), "");
    assert_eq!(
        told("Brand", &"x".repeat(20_481)),
        "`Brand` has 20481 characters"
    );
    assert_eq!(told("Brand", &"\u{1F5A8}".repeat(16_384)), "");
    assert_eq!(
        told("Brand", &"\u{1F5A8}".repeat(16_385)),
        "`Brand` has 65540 octets"
    );
    // A name: 63 characters, however many octets.
    assert_eq!(told("MediaTypeDetails", &"\u{e9}".repeat(63)), "");
    assert_eq!(
        told("MediaTypeDetails", &"\u{e9}".repeat(64)),
        "`MediaTypeDetails` has 64 characters in a name"
    );
    // A list: 2,048 names, 131,071 characters with the spaces.
    let longest = names(2_048, &"x".repeat(63));
    assert_eq!(longest.len(), 131_071);
    assert_eq!(told("SpawnIDs", &longest), "");
    assert_eq!(
        told("SpawnIDs", &names(2_049, "x")),
        "`SpawnIDs` has 2049 names"
    );
    assert_eq!(
        told("SpawnIDs", &names(2, &"x".repeat(64))),
        "`SpawnIDs` has 64 characters in a name"
    );
}

#[test]
fn what_a_version_does_not_have_is_told_at_the_strict_level() {
    let source = r#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n" Type="Cutting" Status="Waiting" JobPartID="P" Version="1.0"><NodeInfo/><ResourcePool><ShapeDef ID="s" Class="Parameter" Status="Available"/></ResourcePool></JDF>"#;
    let all = findings(source, Level::Strict)
        .into_iter()
        .filter(|finding| finding.contains("[version]"));
    insta::assert_snapshot!(all.collect::<Vec<_>>().join("\n"), @r#"note[version] 1:140 /JDF/ResourcePool/ShapeDef | `ShapeDef` is not an element of JDF 1.0 | 1.0 | JDF 1.4 or later"#);
}

#[test]
fn links_are_checked() {
    let links = |content: &str| {
        format!(
            "<ResourcePool><Media ID='m' PartIDKeys='SheetName'><Media SheetName='S1'/></Media></ResourcePool><ResourceLinkPool>{content}</ResourceLinkPool>"
        )
    };
    insta::assert_snapshot!(in_node(&links("<MediaLink rRef='x' Usage='Input'/>"), Level::Tolerant, "link-target-missing"), @r#"error[link-target-missing] 1:266 /JDF/ResourceLinkPool/MediaLink/@rRef | `MediaLink` leads nowhere: nothing has this ID | x | the ID of a `Media`"#);
    insta::assert_snapshot!(in_node(&links("<ComponentLink rRef='m' Usage='Input'/>"), Level::Tolerant, "link-target-kind"), @r#"error[link-target-kind] 1:270 /JDF/ResourceLinkPool/ComponentLink/@rRef | `ComponentLink` leads to a `Media` | m | the ID of a `Component`"#);
    insta::assert_snapshot!(in_node(&links("<MediaLink rRef='m'/>"), Level::Tolerant, "link-usage-missing"), @r#"warning[link-usage-missing] 1:255 /JDF/ResourceLinkPool/MediaLink | `MediaLink` does not say whether it is input or output | no `Usage` | `Usage="Input"` or `Usage="Output"`"#);
    insta::assert_snapshot!(in_node(&links("<MediaLink rRef='m' Usage='Input' CombinedProcessIndex='0 2'/>"), Level::Standard, "combined-index"), @r#"warning[combined-index] 1:289 /JDF/ResourceLinkPool/MediaLink/@CombinedProcessIndex | the node has 2 processes, counted from 0 | 2 | 0 to 1"#);
    insta::assert_snapshot!(in_node(&links("<MediaLink rRef='m' Usage='Input'><Part SheetName='S2'/></MediaLink>"), Level::Standard, "link-part-unknown"), @r#"warning[link-part-unknown] 1:289 /JDF/ResourceLinkPool/MediaLink/Part | `Media` has no such part | SheetName=S2 | keys of a part that is there"#);
    assert_eq!(
        in_node(
            &links(
                "<MediaLink rRef='m' Usage='Input'><Part SheetName='S1' Condition='Good'/></MediaLink>"
            ),
            Level::Strict,
            "link-part-unknown"
        ),
        ""
    );
    let inner = "<JDF ID='a' Type='Cutting' Status='Waiting' JobPartID='a'><ResourcePool><Media ID='m2'/></ResourcePool></JDF><JDF ID='b' Type='Cutting' Status='Waiting' JobPartID='b'><ResourceLinkPool><MediaLink rRef='m2' Usage='Input'/></ResourceLinkPool></JDF>";
    insta::assert_snapshot!(in_node(inner, Level::Standard, "link-scope"), @r#"warning[link-scope] 1:336 /JDF/JDF[2]/ResourceLinkPool/MediaLink/@rRef | the resource is in /JDF/JDF[1], out of sight of this node | m2 | a resource of this node or of one around it"#);
    insta::assert_snapshot!(in_node("<ResourcePool><Component ID='c'><MediaRef rRef='gone'/></Component></ResourcePool>", Level::Tolerant, "link-target-missing"), @r#"error[link-target-missing] 1:182 /JDF/ResourcePool/Component/MediaRef/@rRef | `MediaRef` leads nowhere: nothing has this ID | gone | the ID of a `Media`"#);
}

#[test]
fn processes_are_checked() {
    let node = |kind: &str| format!("<JDF ID='a' Type='{kind}' Status='Waiting' JobPartID='a'/>");
    insta::assert_snapshot!(in_node(&node("Cuting"), Level::Standard, "process-unknown"), @r#"warning[process-unknown] 1:152 /JDF/JDF/@Type | `Cuting` is no process of JDF 1.5 | Cuting | a process, or a vendor's own with a prefix"#);
    insta::assert_snapshot!(in_node(&node("Folding"), Level::Strict, "process-resource-missing"), @r#"
note[process-resource-missing] 1:152 /JDF/JDF/@Type | `Folding` has no input `Component` | no such link | a `ComponentLink` of the node
note[process-resource-missing] 1:152 /JDF/JDF/@Type | `Folding` has no input `FoldingParams` | no such link | a `FoldingParamsLink` of the node
note[process-resource-missing] 1:152 /JDF/JDF/@Type | `Folding` has no output `Component` | no such link | a `ComponentLink` of the node
"#);
    assert_eq!(
        in_node(&node("v:Own"), Level::Strict, "process-unknown"),
        ""
    );
}

#[test]
fn parts_are_checked() {
    let media = |keys: &str, parts: &str| {
        format!(
            "<ResourcePool><Media ID='m' Class='Consumable' {keys}>{parts}</Media></ResourcePool>"
        )
    };
    let twice = media(
        "PartIDKeys='SheetName'",
        "<Media SheetName='S'/><Media SheetName='S'/>",
    );
    insta::assert_snapshot!(in_node(&twice, Level::Tolerant, "part-twice"), @r#"error[part-twice] 1:232 /JDF/ResourcePool/Media/Media[2] | /JDF/ResourcePool/Media/Media[1] has the same keys | SheetName=S | keys that no other part has"#);
    insta::assert_snapshot!(in_node(&media("", "<Media SheetName='S'/>"), Level::Standard, "part-keys-missing"), @r#"warning[part-keys-missing] 1:154 /JDF/ResourcePool/Media | `Media` has parts but no `PartIDKeys` | no `PartIDKeys` | `PartIDKeys="SheetName"`"#);
    insta::assert_snapshot!(in_node(&media("PartIDKeys='SheetName'", "<Media Weight='9'/>"), Level::Standard, "part-key-lacking"), @r#"warning[part-key-lacking] 1:210 /JDF/ResourcePool/Media/Media | the part has none of the keys of the `Media` | no key | one of `SheetName`"#);
    let identical = media(
        "PartIDKeys='SheetName'",
        "<Media SheetName='S'><Identical><Part SheetName='T'/></Identical></Media>",
    );
    insta::assert_snapshot!(in_node(&identical, Level::Tolerant, "part-identical"), @r#"warning[part-identical] 1:210 /JDF/ResourcePool/Media/Media | no other part has the keys that `Identical` names | SheetName=T | keys of another part"#);
}

#[test]
fn amounts_are_checked() {
    let link = |content: &str| {
        format!(
            "<ResourcePool><Component ID='c'/></ResourcePool><ResourceLinkPool><ComponentLink rRef='c' Usage='Output' {content}</ComponentLink></ResourceLinkPool>"
        )
    };
    let pool = "<AmountPool><PartAmount ActualAmount='90'><Part Condition='Good'/></PartAmount><PartAmount ActualAmount='5'><Part Condition='Waste'/></PartAmount></AmountPool>";
    insta::assert_snapshot!(in_node(&link(&format!("ActualAmount='100'>{pool}")), Level::Standard, "amounts-differ"), @r#"warning[amounts-differ] 1:245 /JDF/ResourceLinkPool/ComponentLink/@ActualAmount | `ActualAmount` is not what the parts add up to | 100 | 90, or 95 with waste"#);
    for right in ["90", "95"] {
        assert_eq!(
            in_node(
                &link(&format!("ActualAmount='{right}'>{pool}")),
                Level::Standard,
                "amounts-differ"
            ),
            ""
        );
    }
    insta::assert_snapshot!(in_node(&link("Amount='-3'>"), Level::Tolerant, "amount-negative"), @r#"warning[amount-negative] 1:245 /JDF/ResourceLinkPool/ComponentLink/@Amount | `Amount` is less than nothing | -3 | 0 or more"#);
}

#[test]
fn nodes_that_wait_for_each_other_are_an_error() {
    let node = |id: &str, input: &str, output: &str| {
        format!(
            "<JDF ID='{id}' Type='Cutting' Status='Waiting' JobPartID='{id}'><ResourceLinkPool><ComponentLink rRef='{input}' Usage='Input'/><ComponentLink rRef='{output}' Usage='Output'/></ResourceLinkPool></JDF>"
        )
    };
    let pool =
        "<ResourcePool><Component ID='x'/><Component ID='y'/><Component ID='z'/></ResourcePool>";
    let cycle = format!(
        "{pool}{}{}{}",
        node("a", "x", "y"),
        node("b", "y", "x"),
        node("c", "y", "z")
    );
    insta::assert_snapshot!(in_node(&cycle, Level::Tolerant, "flow-cycle"), @r#"
error[flow-cycle] 1:226 /JDF/JDF[1] | node `a` can never start: a, b wait for each other | waits for b | nodes that do not wait for this one
error[flow-cycle] 1:406 /JDF/JDF[2] | node `b` can never start: a, b wait for each other | waits for a | nodes that do not wait for this one
"#);
    assert_eq!(
        in_node(
            &format!("{pool}{}{}", node("a", "x", "y"), node("b", "y", "z")),
            Level::Strict,
            "flow-cycle"
        ),
        ""
    );
}

#[test]
fn times_that_run_backwards_are_told() {
    insta::assert_snapshot!(in_node("<AuditPool><PhaseTime Start='2025-03-01T08:00:00Z' End='2025-03-01T07:00:00Z' Status='InProgress' TimeStamp='2025-03-01T08:00:00Z'/></AuditPool>", Level::Tolerant, "audit-times"), @r#"warning[audit-times] 1:191 /JDF/AuditPool/PhaseTime/@End | the `PhaseTime` ends before it starts | 2025-03-01T07:00:00Z | not before 2025-03-01T08:00:00Z"#);
}

#[test]
fn files_are_asked_for_and_hostile_urls_never() {
    let source = format!(
        "{HEAD}<ResourcePool><RunList ID='r'><LayoutElement><FileSpec URL='cid:gone.pdf'/><FileSpec URL='..%2f../x'/><FileSpec URL='here.pdf'/></LayoutElement></RunList></ResourcePool></JDF>"
    );
    let document = Document::parse(source.as_bytes(), &Limits::default()).unwrap();
    let mut asked = Vec::new();
    let found = missing_files(&document, |url| {
        asked.push(url.to_owned());
        url == "here.pdf"
    });
    let codes: Vec<_> = found
        .iter()
        .map(|finding| (finding.code, finding.found.as_deref().unwrap()))
        .collect();
    assert_eq!(
        codes,
        [
            ("file-missing", "cid:gone.pdf"),
            ("file-hostile", "..%2f../x")
        ]
    );
    assert_eq!(asked, ["cid:gone.pdf", "here.pdf"]);
}

#[test]
fn the_number_of_findings_is_bounded_and_says_so() {
    let links = "<MediaLink rRef='x' Usage='Input'/>".repeat(FINDINGS_MAX + 5);
    let all = findings(
        &format!("{HEAD}<ResourceLinkPool>{links}</ResourceLinkPool></JDF>"),
        Level::Tolerant,
    );
    assert_eq!(all.len(), FINDINGS_MAX + 1);
    assert!(
        all.last().unwrap().contains("there are 5 more findings"),
        "{}",
        all.last().unwrap()
    );
}

#[test]
fn what_we_build_ourselves_has_no_findings() {
    for sample in samples() {
        let job: agog_jdf::JobDescription = serde_json::from_str(sample.json).unwrap();
        let bytes = job
            .to_ticket("2025-03-01T08:00:00Z".parse().unwrap())
            .unwrap();
        let document = Document::parse(&bytes, &Limits::default()).unwrap();
        let found = findings(
            &String::from_utf8(document.to_bytes()).unwrap(),
            Level::Standard,
        );
        assert!(found.is_empty(), "{}: {found:#?}", sample.kind.as_str());
    }
}

/// Prints what the tickets of the field get (`--no-capture`). Nothing panics, every finding is complete, and most
/// tickets have no error: nothing real is refused.
#[test]
fn every_ticket_of_the_field_can_be_checked() {
    let files = complete::documents();
    if files.is_empty() {
        return;
    }
    let mut count: BTreeMap<(Level, Severity, &str), (usize, usize)> = BTreeMap::new();
    let (mut documents, mut with_errors) = (0, 0);
    for (path, bytes) in files {
        let Ok(document) = Document::parse(&bytes, &Limits::default()) else {
            continue;
        };
        documents += 1;
        for level in [Level::Tolerant, Level::Standard, Level::Strict] {
            let found = validate(&document, level);
            found.iter().for_each(complete::is_complete);
            let mut codes: Vec<_> = found
                .iter()
                .map(|finding| (level, finding.severity, finding.code))
                .collect();
            for code in &codes {
                count.entry(*code).or_default().0 += 1;
            }
            codes.sort_unstable();
            codes.dedup();
            for code in codes {
                count.entry(code).or_default().1 += 1;
            }
            let mut errors = found
                .iter()
                .filter(|finding| finding.severity == Severity::Error);
            if level == Level::Tolerant
                && let Some(error) = errors.next()
            {
                with_errors += 1;
                eprintln!("{}: {error} found {:?}", path.display(), error.found);
            }
        }
    }
    for ((level, severity, code), (findings, files)) in &count {
        eprintln!(
            "{:8} {:8} {code:26} {findings:6} findings in {files:3} of {documents} documents",
            level.as_str(),
            severity.as_str()
        );
    }
    assert!(documents > 100);
    assert!(with_errors * 20 < documents, "{with_errors} of {documents}");
}
