//! Nodes given away in parts: sheets of one job on two presses.

use agog_jdf::spawn::SpawnError;
use agog_jdf::{Document, NodeStatus, Ticket};

use super::{JDF, give, options, parse, part, set, support, take, text};

fn sheets_ticket() -> String {
    format!(
        "<JDF {JDF} ID=\"p\" JobID=\"J\" JobPartID=\"P\" Type=\"Product\" Status=\"Waiting\" Version=\"1.5\">
  <ResourcePool>
    <ExposedMedia ID=\"plates\" Class=\"Handling\" Status=\"Available\" PartIDKeys=\"SheetName Side\">
      <ExposedMedia SheetName=\"S1\"><ExposedMedia Side=\"Front\"/><ExposedMedia Side=\"Back\"/></ExposedMedia>
      <ExposedMedia SheetName=\"S2\"><ExposedMedia Side=\"Front\"/></ExposedMedia>
    </ExposedMedia>
    <Component ID=\"sheets\" Class=\"Quantity\" Status=\"Unavailable\" ComponentType=\"Sheet\" PartIDKeys=\"SheetName\">
      <Component SheetName=\"S1\"/>
      <Component SheetName=\"S2\"/>
    </Component>
  </ResourcePool>
  <JDF ID=\"print\" JobPartID=\"P.1\" Type=\"ConventionalPrinting\" Status=\"Waiting\">
    <ResourceLinkPool>
      <ExposedMediaLink Usage=\"Input\" rRef=\"plates\"/>
      <ComponentLink Usage=\"Output\" rRef=\"sheets\" Amount=\"200\"/>
    </ResourceLinkPool>
  </JDF>
</JDF>
"
    )
}

#[test]
fn sheets_of_one_node_go_to_two_presses_and_come_back_one_by_one() {
    let mut parent = parse(&sheets_ticket());
    let give_sheet = |parent: &mut Document, sheet: &str| {
        let options = options(&format!("Sp{sheet}")).of_part(part(&[("SheetName", sheet)]));
        give(parent, "print", &options).unwrap()
    };
    let first = give_sheet(&mut parent, "S1");
    assert_eq!(first.read_write, ["plates", "sheets"]);
    insta::assert_snapshot!(text(&first.ticket), @r##"
<?xml version="1.0" encoding="UTF-8"?>
<JDF ID="print" JobPartID="P.1" Type="ConventionalPrinting" Status="Waiting" xmlns="http://www.CIP4.org/JDFSchema_1_1" JobID="J" Version="1.5" SpawnID="SpS1">
    <AncestorPool><Ancestor NodeID="p" JobID="J" JobPartID="P" Status="Waiting" Type="Product" Version="1.5"/><Ancestor NodeID="print" JobPartID="P.1" Status="Waiting" Type="ConventionalPrinting"/><Part SheetName="S1"/></AncestorPool>
    <ResourcePool><ExposedMedia ID="plates" Class="Handling" Status="Available" PartIDKeys="SheetName Side">
      <ExposedMedia SheetName="S1" SpawnIDs="SpS1"><ExposedMedia Side="Front"/><ExposedMedia Side="Back"/></ExposedMedia>
    </ExposedMedia><Component ID="sheets" Class="Quantity" Status="Unavailable" ComponentType="Sheet" PartIDKeys="SheetName">
      <Component SheetName="S1" SpawnIDs="SpS1"/>
    </Component></ResourcePool>
    <ResourceLinkPool>
      <ExposedMediaLink Usage="Input" rRef="plates"><Part SheetName="S1"/></ExposedMediaLink>
      <ComponentLink Usage="Output" rRef="sheets" Amount="200"><Part SheetName="S1"/></ComponentLink>
    </ResourceLinkPool>
  </JDF>
"##);
    insta::assert_snapshot!(text(&parent), @r##"
<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="p" JobID="J" JobPartID="P" Type="Product" Status="Waiting" Version="1.5">
  <AuditPool><Spawned TimeStamp="2025-03-01T08:00:00Z" AgentName="AGOG" jRef="print" NewSpawnID="SpS1" rRefsRWCopied="plates sheets" Status="Waiting"><Part SheetName="S1"/></Spawned></AuditPool>
  <ResourcePool>
    <ExposedMedia ID="plates" Class="Handling" Status="Available" PartIDKeys="SheetName Side">
      <ExposedMedia SheetName="S1" SpawnIDs="SpS1" SpawnStatus="SpawnedRW" Locked="true"><ExposedMedia Side="Front"/><ExposedMedia Side="Back"/></ExposedMedia>
      <ExposedMedia SheetName="S2"><ExposedMedia Side="Front"/></ExposedMedia>
    </ExposedMedia>
    <Component ID="sheets" Class="Quantity" Status="Unavailable" ComponentType="Sheet" PartIDKeys="SheetName">
      <Component SheetName="S1" SpawnIDs="SpS1" SpawnStatus="SpawnedRW" Locked="true"/>
      <Component SheetName="S2"/>
    </Component>
  </ResourcePool>
  <JDF ID="print" JobPartID="P.1" Type="ConventionalPrinting" Status="Part">
    <ResourcePool><NodeInfo ID="print_NodeInfo" Class="Parameter" Status="Available" NodeStatus="Waiting" PartIDKeys="SheetName"><NodeInfo SheetName="S1" NodeStatus="Spawned"/></NodeInfo></ResourcePool>
    <ResourceLinkPool>
      <ExposedMediaLink Usage="Input" rRef="plates"/>
      <ComponentLink Usage="Output" rRef="sheets" Amount="200"/>
      <NodeInfoLink Usage="Input" rRef="print_NodeInfo"/>
    </ResourceLinkPool>
  </JDF>
</JDF>
"##);
    let again = options("Sp9").of_part(part(&[("SheetName", "S1")]));
    let error = give(&mut parent, "print", &again).unwrap_err();
    assert_eq!(
        error,
        SpawnError::AlreadySpawned {
            node: "P.1".to_owned()
        }
    );
    let second = give_sheet(&mut parent, "S2");
    support::assert_all_valid(&[
        first.ticket.to_bytes(),
        second.ticket.to_bytes(),
        parent.to_bytes(),
    ]);

    for (sheet, ticket, amount) in [("S2", second.ticket, "95"), ("S1", first.ticket, "90")] {
        let mut away = ticket;
        let made = Ticket::of(&away)
            .unwrap()
            .resource("sheets")
            .unwrap()
            .leaves()[0]
            .node_id();
        away.set_attribute(made, "Status", "Available").unwrap();
        set(&mut away, "print", "Status", "Completed");
        let link = away
            .root()
            .child("ResourceLinkPool")
            .unwrap()
            .children()
            .nth(1)
            .unwrap()
            .id();
        away.set_attribute(link, "ActualAmount", amount).unwrap();
        assert_eq!(
            take(&mut parent, &away).unwrap().overwritten,
            ["plates", "sheets"],
            "{sheet}"
        );
    }
    insta::assert_snapshot!(text(&parent), @r##"
<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="p" JobID="J" JobPartID="P" Type="Product" Status="Waiting" Version="1.5">
  <AuditPool><Spawned TimeStamp="2025-03-01T08:00:00Z" AgentName="AGOG" jRef="print" NewSpawnID="SpS1" rRefsRWCopied="plates sheets" Status="Waiting"><Part SheetName="S1"/></Spawned><Spawned TimeStamp="2025-03-01T08:00:00Z" AgentName="AGOG" jRef="print" NewSpawnID="SpS2" rRefsRWCopied="plates sheets print_NodeInfo" Status="Waiting"><Part SheetName="S2"/></Spawned><Merged TimeStamp="2025-03-01T08:00:00Z" AgentName="AGOG" jRef="print" MergeID="SpS2" rRefsOverwritten="plates sheets"><Part SheetName="S2"/></Merged><Merged TimeStamp="2025-03-01T08:00:00Z" AgentName="AGOG" jRef="print" MergeID="SpS1" rRefsOverwritten="plates sheets"><Part SheetName="S1"/></Merged></AuditPool>
  <ResourcePool>
    <ExposedMedia ID="plates" Class="Handling" Status="Available" PartIDKeys="SheetName Side">
      <ExposedMedia SheetName="S1"><ExposedMedia Side="Front"/><ExposedMedia Side="Back"/></ExposedMedia>
      <ExposedMedia SheetName="S2"><ExposedMedia Side="Front"/></ExposedMedia>
    </ExposedMedia>
    <Component ID="sheets" Class="Quantity" Status="Unavailable" ComponentType="Sheet" PartIDKeys="SheetName">
      <Component SheetName="S1" Status="Available"/>
      <Component SheetName="S2" Status="Available"/>
    </Component>
  </ResourcePool>
  <JDF ID="print" JobPartID="P.1" Type="ConventionalPrinting" Status="Completed">
    <ResourcePool><NodeInfo ID="print_NodeInfo" Class="Parameter" Status="Available" NodeStatus="Waiting" PartIDKeys="SheetName"><NodeInfo SheetName="S1" NodeStatus="Completed"/><NodeInfo SheetName="S2" NodeStatus="Completed"/></NodeInfo></ResourcePool>
    <ResourceLinkPool>
      <ExposedMediaLink Usage="Input" rRef="plates"/>
      <ComponentLink Usage="Output" rRef="sheets" Amount="200"><AmountPool><PartAmount ActualAmount="95"><Part SheetName="S2"/></PartAmount><PartAmount ActualAmount="90"><Part SheetName="S1"/></PartAmount></AmountPool></ComponentLink>
      <NodeInfoLink Usage="Input" rRef="print_NodeInfo"/>
    </ResourceLinkPool>
  </JDF>
</JDF>
"##);
    support::assert_valid(&parent.to_bytes());
    let ticket = Ticket::of(&parent).unwrap();
    let node = ticket.node_by_name("print").unwrap();
    let amounts = node.outputs().next().unwrap().amounts(&mut Vec::new());
    assert_eq!(
        (amounts.planned(), amounts.actual_total()),
        (Some(200.into()), Some(185.into()))
    );
}

#[test]
fn parts_that_a_press_made_are_put_beside_the_others() {
    let source = sheets_ticket().replace("      <Component SheetName=\"S1\"/>\n", "");
    let mut parent = parse(&source);
    let options = options("Sp1").of_part(part(&[("SheetName", "S1")]));
    let mut away = give(&mut parent, "print", &options).unwrap().ticket;
    let sheets = Ticket::of(&away).unwrap().by_id("sheets").unwrap();
    assert_eq!(sheets.children().count(), 0, "the other sheet stays");
    let sheets = sheets.id();
    away.append_xml(sheets, "<Component SheetName='S1' Status='Available'/>")
        .unwrap();
    take(&mut parent, &away).unwrap();
    let ticket = Ticket::of(&parent).unwrap();
    let leaves = ticket.resource("sheets").unwrap().leaves_with_keys();
    let keys: Vec<_> = leaves.iter().map(|leaf| leaf.keys[0].1).collect();
    assert_eq!(keys, ["S2", "S1"]);
}

#[test]
fn until_jdf_1_2_the_status_of_parts_is_in_a_pool() {
    let source = sheets_ticket().replace("Version=\"1.5\"", "Version=\"1.2\"");
    let mut parent = parse(&source);
    let options = options("Sp1").of_part(part(&[("SheetName", "S1")]));
    let away = give(&mut parent, "print", &options).unwrap().ticket;
    let status = |parent: &Document, sheet: &str| {
        let ticket = Ticket::of(parent).unwrap();
        let node = ticket.node_by_name("print").unwrap();
        assert_eq!(node.status(), Some(NodeStatus::Pool));
        node.status_of(&ticket, &part(&[("SheetName", sheet)]))
            .unwrap()
    };
    assert_eq!(
        (status(&parent, "S1"), status(&parent, "S2")),
        (NodeStatus::Spawned, NodeStatus::Waiting)
    );
    take(&mut parent, &away).unwrap();
    assert_eq!(status(&parent, "S1"), NodeStatus::Waiting);
}

#[test]
fn a_node_is_completed_when_every_one_of_its_parts_came_back_completed() {
    for (version, between) in [("1.5", NodeStatus::Part), ("1.2", NodeStatus::Pool)] {
        let source = sheets_ticket().replace("Version=\"1.5\"", &format!("Version=\"{version}\""));
        let mut parent = parse(&source);
        for (sheet, expected) in [("S1", between), ("S2", NodeStatus::Completed)] {
            let options = options(&format!("Sp{sheet}")).of_part(part(&[("SheetName", sheet)]));
            let mut away = give(&mut parent, "print", &options).unwrap().ticket;
            set(&mut away, "print", "Status", "Completed");
            take(&mut parent, &away).unwrap();
            let ticket = Ticket::of(&parent).unwrap();
            let node = ticket.node_by_name("print").unwrap();
            assert_eq!(node.status(), Some(expected), "{version} {sheet}");
        }
        // A sheet is printed again: nothing is said of it by what was said before.
        let options = options("Sp3").of_part(part(&[("SheetName", "S1")]));
        give(&mut parent, "print", &options).unwrap();
        let ticket = Ticket::of(&parent).unwrap();
        let node = ticket.node_by_name("print").unwrap();
        let status = |sheet| {
            node.status_of(&ticket, &part(&[("SheetName", sheet)]))
                .unwrap()
        };
        assert_eq!(status("S1"), NodeStatus::Spawned, "{version}");
        assert_eq!(status("S2"), NodeStatus::Completed, "{version}");
    }
}

#[test]
fn amounts_that_name_no_part_add_up_when_several_parts_were_away_together() {
    let leaf = |sheet: &str| format!("<Component SheetName=\"{sheet}\"/>");
    let source = sheets_ticket().replace(
        &format!("{}\n", leaf("S2")),
        &["S2", "S3", "S4"].map(leaf).concat(),
    );
    let mut parent = parse(&source);
    let mut give_two = |id: &str, sheets: [&str; 2], amount: &str| {
        let options = sheets.iter().fold(options(id), |options, sheet| {
            options.of_part(part(&[("SheetName", sheet)]))
        });
        let mut away = give(&mut parent, "print", &options).unwrap().ticket;
        let pool = format!(
            "<AmountPool><PartAmount ActualAmount='{amount}'><Part Condition='Good'/></PartAmount></AmountPool>"
        );
        let link = Ticket::of(&away).unwrap().root().outputs().next().unwrap();
        let link = link.node_id();
        away.append_xml(link, &pool).unwrap();
        take(&mut parent, &away).unwrap();
    };
    give_two("Sp1", ["S1", "S2"], "100");
    give_two("Sp2", ["S3", "S4"], "50");
    let ticket = Ticket::of(&parent).unwrap();
    let node = ticket.node_by_name("print").unwrap();
    let amounts = node.outputs().next().unwrap().amounts(&mut Vec::new());
    assert_eq!(amounts.actual_good(), Some(150.into()));
    support::assert_valid(&parent.to_bytes());
}

#[test]
fn amounts_come_back_to_the_link_of_their_part() {
    let source = sheets_ticket().replace(
        "<ComponentLink Usage=\"Output\" rRef=\"sheets\" Amount=\"200\"/>",
        "<ComponentLink Usage=\"Output\" rRef=\"sheets\" Amount=\"80\"><Part SheetName=\"S1\"/></ComponentLink>\
         <ComponentLink Usage=\"Output\" rRef=\"sheets\" Amount=\"120\"><Part SheetName=\"S2\"/></ComponentLink>",
    );
    let mut parent = parse(&source);
    let options = options("Sp1").of_part(part(&[("SheetName", "S2")]));
    let mut away = give(&mut parent, "print", &options).unwrap().ticket;
    let link = Ticket::of(&away)
        .unwrap()
        .root()
        .outputs()
        .last()
        .unwrap()
        .node_id();
    away.set_attribute(link, "ActualAmount", "118").unwrap();
    take(&mut parent, &away).unwrap();
    let ticket = Ticket::of(&parent).unwrap();
    let node = ticket.node_by_name("print").unwrap();
    let actual = node
        .outputs()
        .map(|link| link.amounts(&mut Vec::new()).actual_total());
    assert_eq!(actual.collect::<Vec<_>>(), [None, Some(118.into())]);
}
