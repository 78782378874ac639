//! Nodes given away and merged back: what each side says meanwhile, what comes of changes on both, and what is refused.

#[path = "spawn/hostile.rs"]
mod hostile;
#[path = "spawn/parts.rs"]
mod parts;
#[path = "spawn/real.rs"]
mod real;
mod support;

use agog_jdf::audit::{Audit, AuditContent};
use agog_jdf::spawn::{
    MergeError, MergeOptions, Merging, SpawnError, SpawnOptions, Spawning, merge, spawn,
};
use agog_jdf::validate::{Level, validate};
use agog_jdf::{Document, Element, ElementRef, Limits, NodeStatus, Ticket};
use jiff::Timestamp;

const JDF: &str = "xmlns=\"http://www.CIP4.org/JDFSchema_1_1\"";

fn parse(text: &str) -> Document {
    Document::parse(text.as_bytes(), &Limits::default()).unwrap()
}

fn now() -> Timestamp {
    "2025-03-01T08:00:00Z".parse().unwrap()
}

fn text(document: &Document) -> String {
    String::from_utf8(document.to_bytes()).unwrap()
}

fn give(parent: &mut Document, node: &str, options: &SpawnOptions) -> Result<Spawning, SpawnError> {
    let id = Ticket::of(parent)
        .unwrap()
        .node_by_name(node)
        .unwrap()
        .node_id();
    spawn(parent, id, options)
}

fn options(spawn_id: &str) -> SpawnOptions {
    SpawnOptions::new(spawn_id, now(), "AGOG")
}

fn take(parent: &mut Document, returned: &Document) -> Result<Merging, MergeError> {
    merge(parent, returned, &MergeOptions::new(now(), "AGOG"))
}

fn attribute(document: &Document, id: &str, name: &str) -> Option<String> {
    let ticket = Ticket::of(document).unwrap();
    ticket.by_id(id)?.attribute(name).map(str::to_owned)
}

fn set(document: &mut Document, id: &str, name: &str, value: &str) {
    let id = Ticket::of(document).unwrap().by_id(id).unwrap().id();
    document.set_attribute(id, name, value).unwrap();
}

fn part(keys: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    keys.iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn box_ticket() -> String {
    format!(
        "<?xml version=\"1.0\"?>
<JDF {JDF} xmlns:v=\"urn:vendor\" ID=\"box\" JobID=\"J-7\" JobPartID=\"Box\" Type=\"Product\" Status=\"Waiting\" Version=\"1.5\">
  <AuditPool><Created TimeStamp=\"2025-02-28T08:00:00Z\" AgentName=\"MIS\"/></AuditPool>
  <ResourcePool>
    <Media ID=\"board\" Class=\"Consumable\" Status=\"Available\"  v:Mill='north'/>
    <ColorantControl ID=\"colours\" Class=\"Parameter\" Status=\"Available\"/>
    <Layout ID=\"layout\" Class=\"Parameter\" Status=\"Available\"><MediaRef rRef=\"board\"/></Layout>
    <Component ID=\"sheet\" Class=\"Quantity\" Status=\"Unavailable\" ComponentType=\"Sheet\"/>
    <Component ID=\"blank\" Class=\"Quantity\" Status=\"Unavailable\" ComponentType=\"PartialProduct\"/>
    <CustomerInfo ID=\"customer\" Class=\"Parameter\" Status=\"Available\" CustomerOrderID=\"PO-9\"><Company OrganizationName=\"Bright Foods\"/></CustomerInfo>
  </ResourcePool>
  <!-- the press -->
  <JDF ID=\"print\" JobPartID=\"Box.P\" Type=\"ConventionalPrinting\" Status=\"Waiting\" v:Own=\"1\">
    <v:Hint  depth='2'>keep &amp; hold</v:Hint>
    <ResourcePool><ConventionalPrintingParams ID=\"params\" Class=\"Parameter\" Status=\"Available\"/></ResourcePool>
    <ResourceLinkPool>
      <MediaLink rRef=\"board\" Usage=\"Input\" Amount=\"100\"/>
      <ColorantControlLink rRef=\"colours\" Usage=\"Input\"/>
      <LayoutLink rRef=\"layout\" Usage=\"Input\"/>
      <ConventionalPrintingParamsLink rRef=\"params\" Usage=\"Input\"/>
      <ComponentLink rRef=\"sheet\" Usage=\"Output\" Amount=\"90\"/>
    </ResourceLinkPool>
  </JDF>
  <JDF ID=\"cut\" JobPartID=\"Box.C\" Type=\"Cutting\" Status=\"Waiting\"><ResourceLinkPool><ComponentLink rRef=\"sheet\" Usage=\"Input\"/><ComponentLink rRef=\"blank\" Usage=\"Output\"/></ResourceLinkPool></JDF>
</JDF>
"
    )
}

#[test]
fn a_spawned_ticket_says_where_it_comes_from_and_holds_what_it_needs() {
    let mut parent = parse(&box_ticket());
    let spawning = give(&mut parent, "Box.P", &options("Sp1")).unwrap();
    assert_eq!(spawning.read_only, ["colours", "layout"]);
    assert_eq!(spawning.read_write, ["board", "sheet"]);
    insta::assert_snapshot!(text(&spawning.ticket), @r##"
<?xml version="1.0" encoding="UTF-8"?>
<JDF ID="print" JobPartID="Box.P" Type="ConventionalPrinting" Status="Waiting" v:Own="1" xmlns="http://www.CIP4.org/JDFSchema_1_1" xmlns:v="urn:vendor" JobID="J-7" Version="1.5" SpawnID="Sp1">
    <AncestorPool><Ancestor NodeID="box" JobID="J-7" JobPartID="Box" Status="Waiting" Type="Product" Version="1.5"><CustomerInfo CustomerOrderID="PO-9"><Company OrganizationName="Bright Foods"/></CustomerInfo></Ancestor></AncestorPool>
    <v:Hint  depth='2'>keep &amp; hold</v:Hint>
    <ResourcePool><ConventionalPrintingParams ID="params" Class="Parameter" Status="Available"/><Media ID="board" Class="Consumable" Status="Available"  v:Mill='north' SpawnIDs="Sp1"/><ColorantControl ID="colours" Class="Parameter" Status="Available" SpawnIDs="Sp1" Locked="true"/><Layout ID="layout" Class="Parameter" Status="Available" SpawnIDs="Sp1" Locked="true"><MediaRef rRef="board"/></Layout><Component ID="sheet" Class="Quantity" Status="Unavailable" ComponentType="Sheet" SpawnIDs="Sp1"/></ResourcePool>
    <ResourceLinkPool>
      <MediaLink rRef="board" Usage="Input" Amount="100"/>
      <ColorantControlLink rRef="colours" Usage="Input"/>
      <LayoutLink rRef="layout" Usage="Input"/>
      <ConventionalPrintingParamsLink rRef="params" Usage="Input"/>
      <ComponentLink rRef="sheet" Usage="Output" Amount="90"/>
    </ResourceLinkPool>
  </JDF>
"##);
    insta::assert_snapshot!(text(&parent), @r##"
<?xml version="1.0"?>
<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" xmlns:v="urn:vendor" ID="box" JobID="J-7" JobPartID="Box" Type="Product" Status="Waiting" Version="1.5">
  <AuditPool><Created TimeStamp="2025-02-28T08:00:00Z" AgentName="MIS"/><Spawned TimeStamp="2025-03-01T08:00:00Z" AgentName="AGOG" jRef="print" NewSpawnID="Sp1" rRefsROCopied="colours layout" rRefsRWCopied="board sheet" Status="Waiting"/></AuditPool>
  <ResourcePool>
    <Media ID="board" Class="Consumable" Status="Available"  v:Mill='north' SpawnIDs="Sp1" SpawnStatus="SpawnedRW" Locked="true"/>
    <ColorantControl ID="colours" Class="Parameter" Status="Available" SpawnIDs="Sp1" SpawnStatus="SpawnedRO"/>
    <Layout ID="layout" Class="Parameter" Status="Available" SpawnIDs="Sp1" SpawnStatus="SpawnedRO"><MediaRef rRef="board"/></Layout>
    <Component ID="sheet" Class="Quantity" Status="Unavailable" ComponentType="Sheet" SpawnIDs="Sp1" SpawnStatus="SpawnedRW" Locked="true"/>
    <Component ID="blank" Class="Quantity" Status="Unavailable" ComponentType="PartialProduct"/>
    <CustomerInfo ID="customer" Class="Parameter" Status="Available" CustomerOrderID="PO-9"><Company OrganizationName="Bright Foods"/></CustomerInfo>
  </ResourcePool>
  <!-- the press -->
  <JDF ID="print" JobPartID="Box.P" Type="ConventionalPrinting" Status="Spawned" v:Own="1">
    <v:Hint  depth='2'>keep &amp; hold</v:Hint>
    <ResourcePool><ConventionalPrintingParams ID="params" Class="Parameter" Status="Available"/></ResourcePool>
    <ResourceLinkPool>
      <MediaLink rRef="board" Usage="Input" Amount="100"/>
      <ColorantControlLink rRef="colours" Usage="Input"/>
      <LayoutLink rRef="layout" Usage="Input"/>
      <ConventionalPrintingParamsLink rRef="params" Usage="Input"/>
      <ComponentLink rRef="sheet" Usage="Output" Amount="90"/>
    </ResourceLinkPool>
  </JDF>
  <JDF ID="cut" JobPartID="Box.C" Type="Cutting" Status="Waiting"><ResourceLinkPool><ComponentLink rRef="sheet" Usage="Input"/><ComponentLink rRef="blank" Usage="Output"/></ResourceLinkPool></JDF>
</JDF>
"##);
    let ticket = Ticket::of(&spawning.ticket).unwrap();
    assert_eq!(ticket.root().job_id(), Some("J-7"));
    assert_eq!(
        ticket.root().customer().unwrap().company,
        Some("Bright Foods")
    );
}

#[test]
fn merging_what_was_not_changed_gives_back_every_byte_but_the_audits() {
    let source = box_ticket();
    let mut parent = parse(&source);
    for node in ["print", "cut"] {
        let away = give(&mut parent, node, &options(node)).unwrap().ticket;
        let away = parse(&text(&away));
        take(&mut parent, &away).unwrap();
    }
    let audits: Vec<String> = text(&parent)
        .split_inclusive("/>")
        .filter(|piece| piece.contains("<Spawned ") || piece.contains("<Merged "))
        .map(str::to_owned)
        .collect();
    assert_eq!(audits.len(), 4);
    let without = audits
        .iter()
        .fold(text(&parent), |text, audit| text.replacen(audit, "", 1));
    assert_eq!(without, source);
}

#[test]
fn what_the_press_did_comes_back_and_the_rest_stays() {
    let mut parent = parse(&box_ticket());
    let mut away = give(&mut parent, "print", &options("Sp1")).unwrap().ticket;
    let before = text(&parent);
    // Meanwhile the office notes something at the node, and the press changes what it may and what it may not.
    let remark = "<Notification Class='Event' TimeStamp='2025-03-01T09:00:00Z'><Comment>plates ready</Comment></Notification>";
    let node = Ticket::of(&parent).unwrap().by_id("print").unwrap().id();
    let pool = parent
        .append_child(node, &Element::new("AuditPool"))
        .unwrap();
    parent.append_xml(pool, remark).unwrap();
    set(&mut away, "sheet", "Status", "Available");
    set(&mut away, "sheet", "Amount", "88");
    set(&mut away, "board", "Brand", "Invercote");
    set(
        &mut away,
        "colours",
        "DescriptiveName",
        "changed against the rule",
    );
    set(&mut away, "print", "Status", "Completed");
    let root = away.root().id();
    let run = "<AuditPool><PhaseTime Start='2025-03-01T08:30:00Z' Status='InProgress' TimeStamp='2025-03-01T08:30:00Z'/>\
        <ProcessRun Start='2025-03-01T08:30:00Z' End='2025-03-01T10:00:00Z' EndStatus='Completed' TimeStamp='2025-03-01T10:00:00Z'/></AuditPool>";
    away.append_xml(root, run).unwrap();
    let link = away
        .root()
        .child("ResourceLinkPool")
        .unwrap()
        .children()
        .last()
        .unwrap()
        .id();
    away.set_attribute(link, "ActualAmount", "88").unwrap();

    let merging = take(&mut parent, &away).unwrap();
    assert_eq!(merging.overwritten, ["board", "sheet"]);
    assert_eq!(
        (merging.node_id.as_str(), merging.renamed.len()),
        ("print", 0)
    );
    let ticket = Ticket::of(&parent).unwrap();
    let node = ticket.node_by_name("print").unwrap();
    assert_eq!(node.node_id(), merging.node);
    assert_eq!(node.status(), Some(NodeStatus::Completed));
    assert_eq!(attribute(&parent, "sheet", "Amount").as_deref(), Some("88"));
    assert_eq!(
        attribute(&parent, "board", "Brand").as_deref(),
        Some("Invercote")
    );
    assert_eq!(attribute(&parent, "colours", "DescriptiveName"), None);
    for resource in ["board", "sheet", "colours", "layout"] {
        for mark in ["SpawnIDs", "SpawnStatus", "Locked"] {
            assert_eq!(
                attribute(&parent, resource, mark),
                None,
                "{resource} {mark}"
            );
        }
    }
    let amounts = node.outputs().next().unwrap().amounts(&mut Vec::new());
    assert_eq!(amounts.actual_total(), Some(88.into()));
    let audits: Vec<String> = Audit::read_all(node, &mut Vec::new())
        .iter()
        .map(|audit| audit.content.name().to_owned())
        .collect();
    assert_eq!(
        audits,
        ["PhaseTime", "Notification", "ProcessRun"],
        "by their times"
    );
    let merged = Audit::read_all(ticket.root(), &mut Vec::new())
        .pop()
        .unwrap();
    let AuditContent::Merged(merged) = merged.content else {
        panic!("{merged:?}")
    };
    assert_eq!(
        (merged.merge_id.as_str(), merged.overwritten.as_slice()),
        ("Sp1", &["board".to_owned(), "sheet".to_owned()][..])
    );
    // Outside of what came back, the bytes are those of before.
    let head = before.find("<AuditPool>").unwrap();
    assert_eq!(text(&parent)[..head], before[..head]);
    let cut = before.find("<JDF ID=\"cut\"").unwrap();
    assert!(text(&parent).ends_with(&before[cut..]));
}

#[test]
fn new_resources_go_where_everyone_who_needs_them_sees_them_and_their_ids_stay_apart() {
    let mut parent = parse(&box_ticket());
    let mut away = give(&mut parent, "print", &options("Sp1")).unwrap().ticket;
    let pool = Ticket::of(&parent)
        .unwrap()
        .by_id("board")
        .unwrap()
        .parent()
        .unwrap()
        .id();
    parent
        .append_xml(
            pool,
            "<Media ID='new' Class='Consumable' Status='Available' Brand='office'/>",
        )
        .unwrap();
    let pool = Ticket::of(&away)
        .unwrap()
        .by_id("board")
        .unwrap()
        .parent()
        .unwrap()
        .id();
    for xml in [
        "<Media ID='new' Class='Consumable' Status='Available' Brand='press'/>",
        "<Ink ID='ink' Class='Consumable' Status='Available'/>",
        "<Tool ID='local' Class='Handling' Status='Available'/>",
    ] {
        away.append_xml(pool, xml).unwrap();
    }
    let sheet = Ticket::of(&away).unwrap().by_id("sheet").unwrap().id();
    away.append_xml(sheet, "<MediaRef rRef='new'/>").unwrap();
    let new = Ticket::of(&away).unwrap().by_id("new").unwrap().id();
    away.append_xml(new, "<InkRef rRef='ink'/>").unwrap();

    let merging = take(&mut parent, &away).unwrap();
    assert_eq!(merging.renamed, [("new".to_owned(), "new_2".to_owned())]);
    let ticket = Ticket::of(&parent).unwrap();
    let owner = |id: &str| {
        let resource = ticket.by_id(id).unwrap();
        resource
            .parent()
            .unwrap()
            .parent()
            .unwrap()
            .attribute("ID")
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        ["new", "new_2", "ink", "local"].map(owner),
        ["box", "box", "box", "print"]
    );
    let referred = ticket
        .resource("sheet")
        .unwrap()
        .references()
        .next()
        .unwrap();
    assert_eq!(
        referred.resources(&ticket)[0].attribute("Brand"),
        Some("press")
    );
}

#[test]
fn what_does_not_belong_here_is_refused_and_changes_nothing() {
    let mut parent = parse(&box_ticket());
    let away = give(&mut parent, "print", &options("Sp1")).unwrap().ticket;
    let before = text(&parent);
    let mut check = |returned: &Document, expected: MergeError| {
        assert_eq!(take(&mut parent, returned), Err(expected));
        assert_eq!(text(&parent), before);
    };
    check(&parse(&box_ticket()), MergeError::NotSpawned);
    let mut other = away.clone();
    set(&mut other, "print", "SpawnID", "Sp2");
    check(
        &other,
        MergeError::UnknownSpawn {
            spawn_id: "Sp2".to_owned(),
        },
    );
    let mut other = away.clone();
    set(&mut other, "print", "ID", "fold");
    check(
        &other,
        MergeError::WrongNode {
            spawn_id: "Sp1".to_owned(),
            expected: "print".to_owned(),
            found: "fold".to_owned(),
        },
    );
    take(&mut parent, &away).unwrap();
    let before = text(&parent);
    assert_eq!(
        take(&mut parent, &away),
        Err(MergeError::AlreadyMerged {
            spawn_id: "Sp1".to_owned()
        })
    );
    assert_eq!(text(&parent), before);
}

#[test]
fn what_cannot_be_given_away_is_refused_and_changes_nothing() {
    let mut parent = parse(&box_ticket());
    give(&mut parent, "print", &options("Sp1")).unwrap();
    let before = text(&parent);
    let mut check = |node: &str, options: &SpawnOptions, expected: &str| {
        assert_eq!(
            give(&mut parent, node, options).unwrap_err().to_string(),
            expected
        );
        assert_eq!(text(&parent), before);
    };
    check(
        "box",
        &options("Sp2"),
        "the root of a ticket can only be spawned in parts",
    );
    check(
        "box",
        &options("Sp2").of_part(part(&[("Side", "Front")])),
        "node `Box` has nodes below it and cannot be spawned in parts",
    );
    check("print", &options("Sp2"), "node `Box.P` is already spawned");
    check(
        "cut",
        &options("Sp1"),
        "`Sp1` cannot be the spawn ID: an earlier spawning has it",
    );
    check(
        "cut",
        &options("no name"),
        "`no name` cannot be the spawn ID: it is no XML name",
    );
    // The press is making the sheets that the cutter only uses: the cutter gets a copy to read.
    let cut = give(&mut parent, "cut", &options("Sp2")).unwrap();
    assert_eq!(
        (cut.read_only.as_slice(), cut.read_write.as_slice()),
        (&["sheet".to_owned()][..], &["blank".to_owned()][..])
    );
    assert_eq!(
        attribute(&parent, "sheet", "SpawnIDs").as_deref(),
        Some("Sp1 Sp2")
    );

    let group = format!(
        "<JDF {JDF} ID='p' Type='Product' Status='Waiting'><ResourcePool><Component ID='c' SpawnStatus='SpawnedRW' SpawnIDs='X'/></ResourcePool>\
         <JDF ID='g' Type='ProcessGroup' Status='Waiting'><JDF ID='n' Type='Cutting' Status='Spawned'/><JDF Type='Cutting' JobPartID='x'/>\
         <JDF ID='m' Type='Cutting'><ResourceLinkPool><ComponentLink rRef='c' Usage='Output'/></ResourceLinkPool></JDF></JDF></JDF>"
    );
    let mut parent = parse(&group);
    let error = |parent: &mut Document, node: &str| {
        give(parent, node, &options("S")).unwrap_err().to_string()
    };
    assert_eq!(
        error(&mut parent, "g"),
        "node `n` below node `g` is spawned and must come back first"
    );
    assert_eq!(
        error(&mut parent, "x"),
        "node `x` has no `ID`, by which the returned ticket would find it"
    );
    assert_eq!(
        error(&mut parent, "m"),
        "resource `c` is being changed by the spawned ticket `X`"
    );
}

#[test]
fn a_spawned_ticket_can_be_spawned_further_and_comes_back_step_by_step() {
    let source = format!(
        "<JDF {JDF} ID='p' JobID='J' Type='Product' Status='Waiting' Version='1.5'><ResourcePool><Component ID='c' Class='Quantity' Status='Unavailable'/></ResourcePool>\
         <JDF ID='g' Type='ProcessGroup' Status='Waiting'><JDF ID='n' Type='Cutting' Status='Waiting'><ResourceLinkPool><ComponentLink rRef='c' Usage='Output'/></ResourceLinkPool></JDF></JDF></JDF>"
    );
    let mut parent = parse(&source);
    let mut middle = give(&mut parent, "g", &options("Sp1")).unwrap().ticket;
    let mut inner = give(&mut middle, "n", &options("Sp2")).unwrap().ticket;
    let ancestors = |document: &Document| -> Vec<String> {
        let pool = document.root().child("AncestorPool").unwrap();
        pool.children()
            .map(|ancestor| ancestor.attribute("NodeID").unwrap().to_owned())
            .collect()
    };
    assert_eq!(ancestors(&inner), ["p", "g"]);
    set(&mut inner, "c", "Status", "Available");
    set(&mut inner, "n", "Status", "Completed");
    take(&mut middle, &inner).unwrap();
    assert_eq!(attribute(&middle, "c", "SpawnIDs").as_deref(), Some("Sp1"));
    assert_eq!(attribute(&middle, "c", "SpawnStatus"), None);
    take(&mut parent, &middle).unwrap();
    assert_eq!(
        attribute(&parent, "c", "Status").as_deref(),
        Some("Available")
    );
    assert_eq!(attribute(&parent, "c", "SpawnIDs"), None);
    assert_eq!(
        attribute(&parent, "n", "Status").as_deref(),
        Some("Completed")
    );
}

#[test]
fn prefixes_and_old_namespaces_survive_the_way_out_and_back() {
    let source = "<j:JDF xmlns:j='http://www.CIP4.org/JDFSchema_1' xmlns:HDM='urn:hdm' ID='p' Type='Product' Status='Waiting'>\
        <j:ResourcePool><j:Component ID='c' HDM:Shelf='4'/></j:ResourcePool>\
        <j:JDF ID='n' Type='HDM:Imposer' Status='Waiting'><j:ResourceLinkPool><j:ComponentLink rRef='c' Usage='Output'/></j:ResourceLinkPool><HDM:X a='1'/></j:JDF></j:JDF>";
    let mut parent = parse(source);
    let away = give(&mut parent, "n", &options("Sp1")).unwrap().ticket;
    let away = parse(&text(&away));
    assert_eq!(away.root().resolve(Some("HDM")), Some("urn:hdm"));
    take(&mut parent, &away).unwrap();
    let written = text(&parent);
    let start = written.find("<j:ResourcePool>").unwrap();
    assert_eq!(
        written[start..],
        source[source.find("<j:ResourcePool>").unwrap()..]
    );
}

#[test]
fn spawned_tickets_of_our_samples_are_valid() {
    let mut documents = Vec::new();
    for sample in agog_jdf::samples() {
        let job: agog_jdf::JobDescription = serde_json::from_str(sample.json).unwrap();
        let whole = parse(&String::from_utf8(job.to_ticket(now()).unwrap()).unwrap());
        let nodes: Vec<String> = Ticket::of(&whole)
            .unwrap()
            .nodes()
            .skip(1)
            .filter_map(|node| node.id().map(str::to_owned))
            .collect();
        assert!(!nodes.is_empty());
        for node in nodes {
            let mut parent = whole.clone();
            let away = give(&mut parent, &node, &options("Sp1")).unwrap().ticket;
            documents.push(away.to_bytes());
            documents.push(parent.to_bytes());
            take(&mut parent, &away).unwrap();
            assert_eq!(meaning(&whole), meaning(&parent), "{node}");
            documents.push(parent.to_bytes());
        }
    }
    support::assert_all_valid(&documents);
}

/// Everything that a ticket says, but for the history of spawning: elements with sorted attributes and their texts.
fn meaning(document: &Document) -> Vec<String> {
    let root = document.root();
    let is_history = |element: &ElementRef<'_>| {
        let is_empty = |element: &ElementRef<'_>| {
            element.is_jdf("AuditPool")
                && element
                    .children()
                    .all(|audit| audit.is_jdf("Spawned") || audit.is_jdf("Merged"))
        };
        element.is_jdf("Spawned") || element.is_jdf("Merged") || is_empty(element)
    };
    let all = std::iter::once(root).chain(root.descendants());
    // What stands in an audit of the history is part of it.
    let all = all.filter(|element| {
        !std::iter::successors(Some(*element), |element| element.parent())
            .any(|around| is_history(&around))
    });
    all.map(|element| {
        let mut attributes: Vec<String> = element
            .attributes()
            .filter(|attribute| !attribute.name.starts_with("xmlns"))
            .filter(|attribute| !matches!(attribute.name, "SpawnIDs" | "SpawnStatus" | "Locked"))
            .map(|attribute| format!("{}={}", attribute.name, attribute.value))
            .collect();
        attributes.sort();
        let depth = std::iter::successors(element.parent(), |element| element.parent()).count();
        format!(
            "{depth} {:?} {} {attributes:?} {:?}",
            element.namespace(),
            element.local_name(),
            element.text().trim()
        )
    })
    .collect()
}

#[test]
fn what_the_customer_of_an_ancestor_refers_to_goes_along() {
    let mut parent = parse(
        "<JDF xmlns=\"http://www.CIP4.org/JDFSchema_1_1\" ID=\"box\" JobID=\"J-7\" Type=\"Product\" Status=\"Waiting\">\
         <CustomerInfo CustomerID=\"C-1\"><ContactRef rRef=\"contact\"/></CustomerInfo>\
         <ResourcePool><Contact ID=\"contact\" Class=\"Parameter\" Status=\"Available\"><AddressRef rRef=\"address\"/></Contact>\
         <Address ID=\"address\" Class=\"Parameter\" Status=\"Available\"/></ResourcePool>\
         <JDF ID=\"print\" Type=\"ProcessGroup\" Status=\"Waiting\"><JDF ID=\"plates\" Type=\"ImageSetting\" Status=\"Waiting\"/></JDF></JDF>",
    );
    let first = give(&mut parent, "print", &options("Sp1")).unwrap();
    assert_eq!(first.read_only, ["contact", "address"]);
    let mut ticket = first.ticket;
    let second = give(&mut ticket, "plates", &options("Sp2")).unwrap();
    for document in [&ticket, &second.ticket] {
        let lost: Vec<_> = validate(document, Level::Tolerant)
            .into_iter()
            .filter(|finding| finding.code == "link-target-missing")
            .collect();
        assert!(lost.is_empty(), "{lost:?}");
    }
}
