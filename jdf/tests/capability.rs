//! Tickets and messages against what a device says it can do: our own press and die-cutter, and the descriptions
//! of the field against the tickets of the field.

#[path = "support/complete.rs"]
mod complete;
#[path = "support/corpus.rs"]
mod corpus;

use agog_jdf::validate::{FINDINGS_MAX, Scope, check_capability};
use agog_jdf::{Document, Limits};

const JDF: &str = r#"xmlns="http://www.CIP4.org/JDFSchema_1_1""#;

fn document(source: &str) -> Document {
    Document::parse(source.as_bytes(), &Limits::default()).unwrap()
}

fn fixture(name: &str) -> Document {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let bytes = std::fs::read(folder.join(name)).unwrap();
    Document::parse(&bytes, &Limits::default()).unwrap()
}

fn told(ticket: &Document, device: &Document, scope: Scope) -> String {
    let findings = check_capability(ticket, device.root(), scope);
    let lines = findings.iter().map(|finding| {
        format!(
            "{}[{}] {} | {} | {} | {}",
            finding.severity.as_str(),
            finding.code.trim_start_matches("capability-"),
            finding.position.path,
            finding.message,
            finding.found.as_deref().unwrap_or("-"),
            finding.expected.as_deref().unwrap_or("-"),
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A press run with these parameters, board and settings of the node.
fn press_run(params: &str, media: &str, node: &str) -> Document {
    document(&format!(
        "<JDF {JDF} ID='n' Type='ConventionalPrinting' Status='Waiting' JobID='J1' JobPartID='P' {node}><ResourcePool>\
           <Media ID='m' Class='Consumable' Status='Available' {media}/>\
           <ExposedMedia ID='p' Class='Handling' Status='Available' PartIDKeys='Separation'><ExposedMedia Separation='Cyan'/><ExposedMedia Separation='Black'/></ExposedMedia>\
           <ConventionalPrintingParams ID='c' Class='Parameter' Status='Available' {params}/><Component ID='o' Class='Quantity' Status='Unavailable'/>\
         </ResourcePool><ResourceLinkPool><MediaLink rRef='m' Usage='Input'/><ExposedMediaLink rRef='p' Usage='Input' ProcessUsage='Plate'/>\
           <ConventionalPrintingParamsLink rRef='c' Usage='Input'/><ComponentLink rRef='o' Usage='Output'/></ResourceLinkPool></JDF>"
    ))
}

fn on_press(params: &str, media: &str, node: &str, scope: Scope) -> String {
    told(
        &press_run(params, media, node),
        &fixture("capability/offset-press.jmf"),
        scope,
    )
}

const BOARD: &str = "MediaType='Paper' MediaUnit='Sheet' Weight='250' Dimension='2000 1400'";

#[test]
fn what_the_press_can_do_has_no_findings() {
    for scope in [Scope::Allowed, Scope::Present] {
        let params = "PrintingType='SheetFed' WorkStyle='Perfecting' ModuleIndex='0 ~ 3 5'";
        assert_eq!(on_press(params, BOARD, "", scope), "");
    }
}

#[test]
fn values_are_told_with_what_the_device_allows() {
    let params = "WorkStyle='WorkAndTumble' ModuleIndex='2 2'";
    insta::assert_snapshot!(on_press(params, "MediaType='Paper' Weight='500' Dimension='3000 1400'", "", Scope::Allowed), @r#"
error[value] /JDF/ResourcePool/Media/@Weight | the device cannot do this `Weight` (paper weight) (`media-weight`) | 500 | 60 to 400
error[value] /JDF/ResourcePool/Media/@Dimension | the device cannot do this `Dimension` (`media-size`) | 3000 1400 | 793.7 595.28 to 2125.98 1502.36
error[value] /JDF/ResourcePool/ConventionalPrintingParams/@WorkStyle | the device cannot do this `WorkStyle` (`work-style`) | WorkAndTumble | one of Simplex, Perfecting, WorkAndTurn
error[value] /JDF/ResourcePool/ConventionalPrintingParams/@ModuleIndex | the device cannot do this `ModuleIndex` (`modules`) | 2 2 | 0 to 6, none twice
"#);
}

#[test]
fn what_is_possible_ever_but_not_now_is_a_warning_if_asked_for() {
    let media = "MediaType='Paper' MediaUnit='Roll' Weight='380'";
    assert_eq!(on_press("Powder='true'", media, "", Scope::Allowed), "");
    insta::assert_snapshot!(on_press("Powder='true'", media, "", Scope::Present), @r#"
warning[value-now] /JDF/ResourcePool/Media/@MediaUnit | the device cannot do this `MediaUnit` as it is set up now (`media-unit`) | Roll | Sheet
warning[value-now] /JDF/ResourcePool/Media/@Weight | the device cannot do this `Weight` (paper weight) as it is set up now (`media-weight`) | 380 | 60 to 350
warning[unavailable] /JDF/ResourcePool/ConventionalPrintingParams/@Powder | the device cannot use `Powder` (`powder`): it is Disabled | true | nothing of this, since it is Disabled
"#);
}

#[test]
fn combinations_that_are_not_possible_are_told_by_their_action() {
    insta::assert_snapshot!(on_press("WorkStyle='Perfecting'", "Weight='320'", "", Scope::Allowed), @r#"error[action] /JDF/ResourcePool/Media/@Weight | heavy board cannot be turned in the press (`no-heavy-perfecting`) | Weight=320, WorkStyle=Perfecting | not: (perfecting and Weight is 300 to INF)"#);
    insta::assert_snapshot!(on_press("", "MediaType='Vinyl'", "", Scope::Allowed), @r#"warning[action] /JDF/ResourcePool/Media/@MediaType | the device cannot do this combination (`vinyl-is-slow`) | MediaType=Vinyl, no DryingTime | not: ((MediaType is Vinyl and not (DryingTime is there)) or @JobID is matching TEST.*)"#);
    assert_eq!(
        on_press("DryingTime='PT5M'", "MediaType='Vinyl'", "", Scope::Allowed),
        ""
    );
}

#[test]
fn a_test_may_look_at_the_ticket_by_a_path() {
    let ticket = press_run("", BOARD, "").to_bytes();
    let ticket = String::from_utf8(ticket)
        .unwrap()
        .replace("JobID='J1'", "JobID='TEST-7'");
    insta::assert_snapshot!(told(&document(&ticket), &fixture("capability/offset-press.jmf"), Scope::Allowed), @r#"warning[action] /JDF/ResourcePool/Media/@MediaType | the device cannot do this combination (`vinyl-is-slow`) | MediaType=Paper, no DryingTime | not: ((MediaType is Vinyl and not (DryingTime is there)) or @JobID is matching TEST.*)"#);
}

#[test]
fn the_settings_policy_says_how_grave_it_is() {
    let severity = |node: &str, params: &str| {
        let found = on_press(params, BOARD, node, Scope::Allowed);
        found.split('[').next().unwrap().to_owned()
    };
    for (policy, unknown, impossible) in [
        ("", "note", "error"),
        ("SettingsPolicy='BestEffort'", "note", "warning"),
        (
            "SettingsPolicy='OperatorIntervention'",
            "warning",
            "warning",
        ),
        ("SettingsPolicy='MustHonor'", "error", "error"),
    ] {
        assert_eq!(
            severity(policy, "FirstSurface='Front'"),
            unknown,
            "{policy}"
        );
        assert_eq!(
            severity(policy, "WorkStyle='WorkAndTumble'"),
            impossible,
            "{policy}"
        );
    }
    let exception =
        "FirstSurface='Front' SettingsPolicy='BestEffort' MustHonorExceptions='FirstSurface'";
    assert_eq!(severity("", exception), "error");
}

#[test]
fn missing_and_too_many_resources_and_parts_are_told() {
    let ticket = document(&format!(
        "<JDF {JDF} ID='n' Type='ConventionalPrinting' Status='Waiting'><ResourcePool>\
           <ConventionalPrintingParams ID='c'><Ink/><Ink InkName='a name of more than twenty characters'/><Ink/></ConventionalPrintingParams><VarnishingParams ID='v'/>\
           <ExposedMedia ID='p' PartIDKeys='Separation' Resolution='2400 2400'><ExposedMedia Separation='Cyan'/><ExposedMedia Separation='Gold'/>\
           <ExposedMedia Separation='Black' Resolution='2400 1200'/></ExposedMedia></ResourcePool>\
         <ResourceLinkPool><ConventionalPrintingParamsLink rRef='c' Usage='Input'/><VarnishingParamsLink rRef='v' Usage='Input'/>\
           <ExposedMediaLink rRef='p' Usage='Input' ProcessUsage='Plate' Amount='3'/></ResourceLinkPool></JDF>"
    ));
    insta::assert_snapshot!(told(&ticket, &fixture("capability/offset-press.jmf"), Scope::Allowed), @r#"
error[missing] /JDF | the device needs `JobID` (/JMF/Response/DeviceList/DeviceInfo/Device/DeviceCap/DevCaps[9]/DevCap/StringState[1]) | no `JobID` | a value of the type String
error[missing] /JDF | the device needs `Media` (`caps-media`) | 0 of them | at least 1
error[too-many] /JDF/ResourcePool/ConventionalPrintingParams | there are more `Ink` than the device takes (`ink-zones`) | 3 of them | at most 2
error[value] /JDF/ResourcePool/ConventionalPrintingParams/Ink[2]/@InkName | the device cannot do this `InkName` (`ink-name`) | a name of more than twenty characters | 1 to 20 characters
error[unavailable] /JDF/ResourcePool/VarnishingParams | the device cannot use this `VarnishingParams` (`caps-varnish`): module `coating unit` is NotInstalled | VarnishingParams | nothing of this, since module `coating unit` is NotInstalled
error[value] /JDF/ResourcePool/ExposedMedia/ExposedMedia[2]/@Separation | the device cannot do this `Separation` (`separation`) | Gold | one of `Cyan`, `Magenta`, `Yellow`, `Black`, `Spot1`
error[value] /JDF/ResourcePool/ExposedMedia/ExposedMedia[3]/@Resolution | the device cannot do this `Resolution` (`resolution`) | 2400 1200 | 2540 2540 or less, x to y: eq
error[value] /JDF/ResourceLinkPool/ExposedMediaLink/@Amount | the device cannot do this `Amount` (`plates-amount`) | 3 | in steps of 2 from 0
"#);
}

#[test]
fn a_link_to_one_part_is_checked_for_that_part_alone() {
    let ticket = |part: &str| {
        document(&format!(
            "<JDF {JDF} ID='n' Type='ConventionalPrinting' Status='Waiting' JobID='J'><ResourcePool>\
               <Media ID='m' Weight='90' PartIDKeys='SheetName'><Media SheetName='S1'/><Media SheetName='S2' Weight='20'/></Media></ResourcePool>\
             <ResourceLinkPool><MediaLink rRef='m' Usage='Input'>{part}</MediaLink></ResourceLinkPool></JDF>"
        ))
    };
    let press = document(&format!(
        "<DeviceCap {JDF} Types='ConventionalPrinting'><DevCaps Name='Media'><DevCap><NumberState Name='Weight' AllowedValueMin='60'/></DevCap></DevCaps></DeviceCap>"
    ));
    assert_eq!(
        told(&ticket("<Part SheetName='S1'/>"), &press, Scope::Allowed),
        ""
    );
    insta::assert_snapshot!(told(&ticket(""), &press, Scope::Allowed), @r#"error[value] /JDF/ResourcePool/Media/Media[2]/@Weight | the device cannot do this `Weight` (/DeviceCap/DevCaps/DevCap/NumberState) | 20 | 60 or more"#);
}

#[test]
fn the_die_cutter_takes_the_first_node_that_it_finds() {
    let node = |id: &str, mode: &str, shape: &str| {
        format!(
            "<JDF ID='{id}' Type='ShapeCutting' Status='Waiting' JobPartID='{id}'><ResourcePool><Component ID='{id}i' Dimensions='2000 1500 1'/>\
               <ShapeCuttingParams ID='{id}p' DeliveryMode='{mode}'>{shape}</ShapeCuttingParams><Tool ID='{id}t'/></ResourcePool>\
             <ResourceLinkPool><ComponentLink rRef='{id}i' Usage='Input'/><ShapeCuttingParamsLink rRef='{id}p' Usage='Input'/><ToolLink rRef='{id}t' Usage='Input'/></ResourceLinkPool></JDF>"
        )
    };
    let first = node(
        "a",
        "FullSheet",
        "<Shape ShapeType='Path' CutBox='0 0 100 200'/>",
    );
    let second = node("b", "RemoveBack", "");
    let ticket = document(&format!(
        "<JDF {JDF} ID='n' Type='ProcessGroup' Status='Waiting'>{first}{second}</JDF>"
    ));
    insta::assert_snapshot!(told(&ticket, &fixture("capability/die-cutter.xml"), Scope::Allowed), @r#"
error[value] /JDF/JDF[1]/ResourcePool/ShapeCuttingParams/Shape/@CutBox | the device cannot do this `CutBox` (`cut-box`) | 0 0 100 200 | 0 0 0 0 to 3004 2154 3004 2154, height to width: le
note[missing] /JDF/JDF[1]/ResourcePool/Tool | `ToolType` is not said and the device has no value of its own (`tool-type`) | no `ToolType` | one of CutDie, Blanking, Stripping
note[other-node] /JDF/JDF[2] | the device does not run node `b`, which is not the first that it takes | ShapeCutting | one node, as its `ExecutionPolicy` says
"#);
}

#[test]
fn what_of_a_description_cannot_be_used_is_a_note_and_no_error() {
    let device = document(&format!(
        "<DeviceCap {JDF} Types='Cutting'><DevCaps Name='Media' DevCapRef='gone'><DevCap DevCapRefs='lost'><StringState ID='s' Name='Brand' AllowedRegExp='('/></DevCap></DevCaps>\
         <ActionPool><Action ID='a1' TestRef='none'/><Action ID='a2' TestRef='loop'/><Action ID='a3' TestRef='odd'/></ActionPool>\
         <TestPool><Test ID='loop'><TestRef rRef='loop'/></Test><Test ID='odd'><not><StringEvaluation Path='//['/></not></Test></TestPool></DeviceCap>"
    ));
    let ticket = document(&format!(
        "<JDF {JDF} ID='n' Type='Cutting' Status='Waiting'><ResourcePool><Media ID='m' Brand='x'/></ResourcePool><ResourceLinkPool><MediaLink rRef='m' Usage='Input'/></ResourceLinkPool></JDF>"
    ));
    insta::assert_snapshot!(told(&ticket, &device, Scope::Allowed), @r#"
note[description] /JDF | /DeviceCap/DevCaps of the device's description was left out: its `DevCapRef` names what is not in the pool | its `DevCapRef` names what is not in the pool | a description that can be used
note[description] /JDF | `s` of the device's description was left out: its regular expression or kind cannot be used | its regular expression or kind cannot be used | a description that can be used
note[description] /JDF | /DeviceCap/DevCaps/DevCap of the device's description was left out: its `DevCapRefs` name what is not in the pool | its `DevCapRefs` name what is not in the pool | a description that can be used
note[description] /JDF | `a1` of the device's description was left out: its `TestRef` names no test | its `TestRef` names no test | a description that can be used
note[description] /JDF | `loop` of the device's description was left out: it refers to itself or to no test | it refers to itself or to no test | a description that can be used
note[description] /JDF | /DeviceCap/TestPool/Test[2]/not/StringEvaluation of the device's description was left out: its `Path` cannot be followed | its `Path` cannot be followed | a description that can be used
"#);
}

#[test]
fn combinations_are_of_elements_that_belong_together() {
    let device = document(&format!(
        "<DeviceCap {JDF} Types='Cutting'><DevCaps Name='Media'><DevCap MaxOccurs='INF'><NumberState ID='w' Name='Weight'/><EnumerationState ID='t' Name='MediaType'/></DevCap></DevCaps>\
           <DevCaps Name='CuttingParams'><DevCap><StringState Name='SheetLay' ID='lay'/></DevCap></DevCaps>\
         <ActionPool><Action ID='a' TestRef='t1'/></ActionPool><TestPool><Test ID='t1'><and><NumberEvaluation rRef='w' ValueList='300 ~ 400' Tolerance='5 5'/>\
           <EnumerationEvaluation rRef='t' ValueList='Foil'/><not><StringEvaluation rRef='lay' RegExp='Left'/></not></and></Test></TestPool></DeviceCap>"
    ));
    let ticket = |media: &str, lay: &str| {
        let ticket = document(&format!(
            "<JDF {JDF} ID='n' Type='Cutting' Status='Waiting'><ResourcePool><Media ID='m' PartIDKeys='SheetName'>{media}</Media>\
               <CuttingParams ID='c' PartIDKeys='SheetName'>{lay}</CuttingParams></ResourcePool>\
             <ResourceLinkPool><MediaLink rRef='m' Usage='Input'/><CuttingParamsLink rRef='c' Usage='Input'/></ResourceLinkPool></JDF>"
        ));
        told(&ticket, &device, Scope::Allowed).lines().count()
    };
    let heavy_foil = "<Media SheetName='S1' Weight='405' MediaType='Foil'/><Media SheetName='S2' Weight='90' MediaType='Paper'/>";
    let heavy_and_foil = "<Media SheetName='S1' Weight='405' MediaType='Paper'/><Media SheetName='S2' Weight='90' MediaType='Foil'/>";
    let left_and_right = "<CuttingParams SheetName='S1' SheetLay='Left'/><CuttingParams SheetName='S2' SheetLay='Right'/>";
    let right_and_left = "<CuttingParams SheetName='S1' SheetLay='Right'/><CuttingParams SheetName='S2' SheetLay='Left'/>";
    assert_eq!(ticket(heavy_foil, right_and_left), 1);
    assert_eq!(
        ticket(heavy_foil, left_and_right),
        0,
        "the other sheet lies right"
    );
    assert_eq!(
        ticket(heavy_and_foil, right_and_left),
        0,
        "no sheet is both"
    );
}

#[test]
fn nodes_are_chosen_by_their_processes() {
    let fits = |cap: &str, node: &str| {
        let device = document(&format!("<DeviceCap {JDF} {cap}/>"));
        let ticket = document(&format!("<JDF {JDF} ID='n' Status='Waiting' {node}/>"));
        !told(&ticket, &device, Scope::Allowed).contains("[none]")
    };
    let combined = "Type='Combined' Types='Cutting Folding'";
    for (cap, node, expected) in [
        ("Types='Cutting'", "Type='Cutting'", true),
        ("Types='Cutting Folding'", "Type='Folding'", true),
        ("Types='Cutting Folding'", combined, false),
        (
            "CombinedMethod='Combined' Types='Cutting Folding'",
            combined,
            true,
        ),
        (
            "CombinedMethod='Combined' Types='Folding Cutting'",
            combined,
            false,
        ),
        (
            "CombinedMethod='Combined' TypeOrder='Unordered' Types='Folding Cutting'",
            combined,
            true,
        ),
        (
            "CombinedMethod='Combined' TypeOrder='Unordered' Types='Folding Cutting Gluing'",
            combined,
            false,
        ),
        (
            "CombinedMethod='Combined' TypeOrder='Unrestricted' Types='Folding Cutting Gluing'",
            combined,
            true,
        ),
        (
            "CombinedMethod='Combined' Types='Cutting Gluing Folding' OptionalCombinedTypes='Gluing'",
            combined,
            true,
        ),
        (
            "CombinedMethod='Combined' TypeExpression='Cutting( Gluing)?( Folding)*' Types='x'",
            combined,
            true,
        ),
        (
            "CombinedMethod='Combined' TypeExpression='(Gluing )+Folding'",
            combined,
            false,
        ),
        (
            "CombinedMethod='GrayBox' Types='Cutting Folding'",
            "Type='ProcessGroup' Types='Cutting Folding'",
            true,
        ),
        (
            "CombinedMethod='Combined' Types='Cutting Folding'",
            "Type='ProcessGroup' Types='Cutting Folding'",
            false,
        ),
        ("Type='Cutting'", "Type='Cutting'", true),
        ("Types='Product'", "Type='Product'", true),
        ("", combined, true),
    ] {
        assert_eq!(fits(cap, node), expected, "{cap} for {node}");
    }
}

#[test]
fn messages_are_checked_against_the_services_of_a_device() {
    let device = document(&format!(
        "<JMF {JDF}><Response Type='KnownMessages'><MessageService Type='SubmitQueueEntry' Command='true'>\
           <DevCaps Context='JMF' Name='QueueSubmissionParams'><DevCap><StringState Name='URL' AllowedRegExp='(http:.+)|(cid:.+)'/><BooleanState Name='Hold' AllowedValueList='false'/></DevCap></DevCaps>\
         </MessageService><MessageService Type='Status' Query='true'/></Response></JMF>"
    ));
    let jmf = document(&format!(
        "<JMF {JDF} SenderID='s'><Command ID='c' Type='SubmitQueueEntry'><QueueSubmissionParams URL='file:///t.jdf' Hold='false'/></Command>\
           <Query ID='q' Type='Status'/><Command ID='d' Type='Status'/></JMF>"
    ));
    insta::assert_snapshot!(told(&jmf, &device, Scope::Allowed), @r#"
error[value] /JMF/Command[1]/QueueSubmissionParams/@URL | the device cannot do this `URL` (/JMF/Response/MessageService[1]/DevCaps/DevCap/StringState) | file:///t.jdf | matching (http:.+)|(cid:.+)
error[message] /JMF/Command[2]/@Type | the device takes no Command `Status` | Status | one of SubmitQueueEntry
"#);
}

#[test]
fn spans_foreign_attributes_and_texts_are_values_as_well() {
    let device = document(&format!(
        "<DeviceCap {JDF} Types='Product'><DevCaps Name='MediaIntent'><DevCap><NumberState Name='Weight' Span='true' AllowedValueMax='300'/>\
           <NameState Name='Grade' DevNS='urn:mill' AllowedValueList='GC1'/><DevCap Name='Comment' MinOccurs='0'><StringState AllowedRegExp='ok'/></DevCap></DevCap></DevCaps></DeviceCap>"
    ));
    let ticket = document(&format!(
        "<JDF {JDF} xmlns:m='urn:mill' ID='n' Type='Product' Status='Waiting'><ResourcePool><MediaIntent ID='i' m:Grade='GD2'><Comment>bad</Comment><Weight DataType='NumberSpan' Preferred='350'/></MediaIntent></ResourcePool>\
         <ResourceLinkPool><MediaIntentLink rRef='i' Usage='Input'/></ResourceLinkPool></JDF>"
    ));
    insta::assert_snapshot!(told(&ticket, &device, Scope::Allowed), @r#"
error[value] /JDF/ResourcePool/MediaIntent/@m:Grade | the device cannot do this `Grade` (/DeviceCap/DevCaps/DevCap/NameState) | GD2 | GC1
error[value] /JDF/ResourcePool/MediaIntent/Comment | the device cannot do this `text` (/DeviceCap/DevCaps/DevCap/DevCap/StringState) | bad | matching ok
error[value] /JDF/ResourcePool/MediaIntent/Weight/@Preferred | the device cannot do this `Weight` (/DeviceCap/DevCaps/DevCap/NumberState) | 350 | 300 or less
"#);
}

#[test]
fn references_are_followed_and_circles_end() {
    let device = document(&format!(
        "<DeviceCap {JDF} Types='Cutting'><DevCaps Name='Component' DevCapRef='c'/><DevCapPool>\
           <DevCap ID='c' MinOccurs='0' Name='Component' DevCapRefs='c m'/><DevCap ID='m' Name='Media' MinOccurs='0' DevCapRefs='m c'><NumberState Name='Weight' AllowedValueMax='100'/></DevCap></DevCapPool></DeviceCap>"
    ));
    let ticket = document(&format!(
        "<JDF {JDF} ID='n' Type='Cutting' Status='Waiting'><ResourcePool><Component ID='c'><ComponentRef rRef='c'/><MediaRef rRef='m'/></Component><Media ID='m' Weight='200'><ComponentRef rRef='c'/></Media></ResourcePool>\
         <ResourceLinkPool><ComponentLink rRef='c' Usage='Input'/></ResourceLinkPool></JDF>"
    ));
    let found = told(&ticket, &device, Scope::Allowed);
    assert!(
        found.contains("error[value] /JDF/ResourcePool/Media/@Weight"),
        "{found}"
    );
}

#[test]
fn every_device_of_the_field_is_compared_with_every_ticket() {
    let files = complete::documents();
    if files.is_empty() {
        return;
    }
    let all: Vec<(String, Document)> = files
        .into_iter()
        .filter_map(|(path, bytes)| {
            let document = Document::parse(&bytes, &Limits::default()).ok()?;
            Some((path.display().to_string(), document))
        })
        .collect();
    let mut devices: Vec<&Document> = all
        .iter()
        .map(|(_, document)| document)
        .filter(|document| {
            let root = document.root();
            std::iter::once(root)
                .chain(root.descendants())
                .any(|element| element.is_jdf("DeviceCap"))
        })
        .collect();
    assert!(devices.len() > 3);
    let own = [
        fixture("capability/offset-press.jmf"),
        fixture("capability/die-cutter.xml"),
    ];
    devices.extend(&own);
    let mut checked = 0;
    for device in devices {
        for (name, ticket) in &all {
            let findings = check_capability(ticket, device.root(), Scope::Present);
            assert!(findings.len() <= FINDINGS_MAX + 1, "{name}");
            for finding in findings {
                complete::is_complete(&finding);
                checked += 1;
            }
        }
    }
    assert!(checked > 1000);
}
