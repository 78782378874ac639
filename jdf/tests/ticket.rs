//! A ticket's way: made, run, given back with its history, summed up.

mod support;

use agog_jdf::audit::{
    Audit, AuditAmount, AuditContent, PhaseTime, ProcessRun, ResourceAudit, set_node_status,
};
use agog_jdf::jmf::Notification;
use agog_jdf::{
    Amounts, Document, Limits, Lot, NodeStatus, NotificationClass, PartAmount, PrintTicket,
    ProductionSummary, Ticket, TicketMaterial, set_actual_amounts,
};
use jiff::{SignedDuration, Timestamp};

fn at(time: &str) -> Timestamp {
    format!("2025-03-01T{time}Z").parse().unwrap()
}

fn print_ticket() -> PrintTicket {
    let mut ticket = PrintTicket::new("J-1001", "P1", "press-3", at("08:00:00"));
    ticket.description = Some("Folding boxes \"Sunny\" & more".to_owned());
    ticket.customer = Some("Bright Foods".to_owned());
    ticket.order = Some("PO-77".to_owned());
    ticket.input = TicketMaterial::named("Board 300 g/m2")
        .product("BOARD-300")
        .amount(15_000.into())
        .lot("LOT-2025-001");
    ticket.output = TicketMaterial::named("Printed sheets")
        .product("SUNNY-4C")
        .amount(14_500.into());
    ticket
}

/// The ticket as a press gives it back: 200 sheets of make-ready waste, 14,600 good ones, one stop.
fn run(document: &mut Document) {
    let (node, input, output) = {
        let ticket = Ticket::of(document).unwrap();
        let node = ticket.executable_nodes().unwrap()[0];
        (
            node.node_id(),
            node.main_input(&ticket).unwrap().node_id(),
            node.main_output(&ticket).unwrap().node_id(),
        )
    };
    let link = |document: &Document, id, amounts| {
        let ticket = Ticket::of(document).unwrap();
        let node = ticket.executable_nodes().unwrap()[0];
        let link = node.links().find(|link| link.node_id() == id).unwrap();
        AuditAmount::of(link, amounts)
    };
    let of = |condition: &str, amount: u32| {
        PartAmount::of_condition(condition).with_actual(amount.into())
    };
    let lot = |amount: u32| Lot {
        lot_id: "LOT-2025-001".to_owned(),
        actual_amount: Some(amount.into()),
        ..Lot::default()
    };
    let amounts = |parts: Vec<PartAmount>| Amounts {
        parts,
        ..Amounts::default()
    };

    let mut setup = PhaseTime::new(NodeStatus::Setup, at("08:05:00"), at("08:20:00"));
    setup.status_details = Some("FormChange".to_owned());
    setup.device_ids = vec!["press-3".to_owned()];
    setup.employees = vec!["E-17".to_owned()];
    setup.amounts = vec![link(document, output, amounts(vec![of("Waste", 200)]))];
    let mut production = PhaseTime::new(NodeStatus::InProgress, at("08:20:00"), at("09:40:00"));
    production.device_ids = vec!["press-3".to_owned()];
    production.amounts = vec![link(document, output, amounts(vec![of("Good", 14_600)]))];
    let mut process_run = ProcessRun::new(at("08:05:00"), at("09:40:00"), NodeStatus::Completed);
    process_run.duration = Some(SignedDuration::from_mins(95));
    let consumed = vec![
        of("Good", 14_600).with_lot(lot(14_600)),
        of("Waste", 200).with_lot(lot(200)),
    ];
    let produced = vec![of("Good", 14_600), of("Waste", 200)];
    let contents = [
        AuditContent::PhaseTime(setup),
        AuditContent::PhaseTime(production),
        AuditContent::ResourceAudit(ResourceAudit::actual(link(
            document,
            input,
            amounts(consumed.clone()),
        ))),
        AuditContent::ResourceAudit(ResourceAudit::actual(link(
            document,
            output,
            amounts(produced.clone()),
        ))),
        AuditContent::ProcessRun(process_run),
        AuditContent::Notification(Notification::new(
            NotificationClass::Event,
            "blanket washed",
        )),
    ];
    for content in contents {
        Audit::new(at("09:40:01"), "AGOG press simulator", content)
            .append_to(document, node)
            .unwrap();
    }
    set_actual_amounts(document, input, &consumed).unwrap();
    set_actual_amounts(document, output, &produced).unwrap();
    set_node_status(document, node, &NodeStatus::Completed, Some("good")).unwrap();
}

#[test]
fn a_new_ticket_is_valid_and_says_what_was_asked() {
    let bytes = print_ticket().to_bytes();
    support::assert_valid(&bytes);
    let document = Document::parse(&bytes, &Limits::default()).unwrap();
    let ticket = Ticket::of(&document).unwrap();
    let node = ticket.executable_nodes().unwrap()[0];
    assert_eq!(node.job_id(), Some("J-1001"));
    assert_eq!(node.job_part_id(), Some("P1"));
    assert_eq!(node.types(), ["ConventionalPrinting"]);
    assert_eq!(node.device_id(&ticket), Some("press-3"));
    assert_eq!(node.display_name(), "Folding boxes \"Sunny\" & more");
    assert_eq!(node.customer().unwrap().company, Some("Bright Foods"));
    assert_eq!(node.customer().unwrap().order_id, Some("PO-77"));
    assert_eq!(node.input_amount(&ticket), Some(15_000.into()));
    assert_eq!(node.output_amount(&ticket), Some(14_500.into()));
    let input = node.main_input(&ticket).unwrap();
    assert_eq!(
        input.resource(&ticket).unwrap().product_id(),
        Some("BOARD-300")
    );
    let amounts = input.amounts(&mut Vec::new());
    assert_eq!(amounts.all_lots().next().unwrap().0.lot_id, "LOT-2025-001");
    insta::assert_snapshot!(String::from_utf8(bytes).unwrap().replace("><", ">\n<"));
}

#[test]
fn a_component_can_be_the_input() {
    let mut ticket = print_ticket();
    ticket.input_is_media = false;
    support::assert_valid(&ticket.to_bytes());
}

#[test]
fn a_returned_ticket_is_valid_and_sums_up() {
    let mut document = Document::parse(&print_ticket().to_bytes(), &Limits::default()).unwrap();
    run(&mut document);
    let bytes = document.to_bytes();
    support::assert_valid(&bytes);
    insta::assert_snapshot!(
        String::from_utf8(bytes.clone())
            .unwrap()
            .replace("><", ">\n<")
    );

    let document = Document::parse(&bytes, &Limits::default()).unwrap();
    let ticket = Ticket::of(&document).unwrap();
    let node = ticket.root();
    let summary = ProductionSummary::of(node, &ticket);
    assert_eq!((summary.good, summary.waste), (14_600.into(), 200.into()));
    assert_eq!(summary.end_status, Some(NodeStatus::Completed));
    assert_eq!(
        (summary.start, summary.end),
        (Some(at("08:05:00")), Some(at("09:40:00")))
    );
    assert_eq!(summary.consumed.len(), 1);
    let board = &summary.consumed[0];
    assert_eq!(
        (board.product_id.as_deref(), board.total()),
        (Some("BOARD-300"), 14_800.into())
    );
    let lots: Vec<_> = board
        .lots
        .iter()
        .map(|lot| (lot.amount, lot.is_waste))
        .collect();
    assert_eq!(
        lots,
        [(Some(14_600.into()), false), (Some(200.into()), true)]
    );
    assert_eq!(summary.phases[0].employees, ["E-17"]);
    assert_eq!(summary.notifications[0].text(), "blanket washed");
    assert_eq!(summary.findings, []);
    assert!(
        ticket
            .executable_nodes()
            .unwrap_err()
            .to_string()
            .contains("already has the status Completed")
    );
}

#[test]
fn sources_that_disagree_are_a_finding_and_the_resource_audit_wins() {
    let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n" Type="Cutting" Status="Completed">
        <AuditPool><ResourceAudit><ComponentLink rRef="c" Usage="Output" ActualAmount="90"/></ResourceAudit></AuditPool>
        <ResourceLinkPool><ComponentLink rRef="c" Usage="Output" ActualAmount="100"/></ResourceLinkPool></JDF>"#;
    let document = Document::parse(source, &Limits::default()).unwrap();
    let ticket = Ticket::of(&document).unwrap();
    let summary = ProductionSummary::of(ticket.root(), &ticket);
    assert_eq!(summary.good, 90.into());
    assert_eq!(summary.findings[0].code, "amounts-differ");
    assert_eq!(
        summary.findings[0].message,
        "Component `c`: the resource audits say 90, the links say 100"
    );
}

#[test]
fn a_ticket_without_an_executable_node_says_why() {
    let reason = |attributes: &str, inner: &str| {
        let source = format!(
            "<JDF xmlns='http://www.CIP4.org/JDFSchema_1_1' ID='n1' {attributes}>{inner}</JDF>"
        );
        let document = Document::parse(source.as_bytes(), &Limits::default()).unwrap();
        Ticket::of(&document)
            .unwrap()
            .executable_nodes()
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        reason("Type='Product'", ""),
        "the ticket has no executable node: node `n1` is a product node: it says what is made, not how, \
         and has no process nodes below it"
    );
    assert!(reason("Type='ProcessGroup'", "").contains("process group without `Types`"));
    assert!(reason("", "").contains("has no `Type`"));
    assert!(
        reason(
            "Type='Product' Activation='Inactive'",
            "<JDF ID='n2' Type='Cutting'/>"
        )
        .contains("`n2` is not active")
    );
}

#[test]
fn gray_boxes_and_combined_nodes_are_executable_leaves() {
    let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" Type="Product" JobID="J">
        <JDF Type="ProcessGroup" Types="Cutting Folding" ID="gray"/>
        <JDF Type="ProcessGroup"><JDF Type="Combined" Types="Stitching Trimming" ID="combined"/></JDF>
        <JDF Type="Folding" ID="leaf" Status="Spawned"/></JDF>"#;
    let document = Document::parse(source, &Limits::default()).unwrap();
    let ticket = Ticket::of(&document).unwrap();
    let nodes = ticket.executable_nodes().unwrap();
    assert_eq!(
        nodes
            .iter()
            .map(|node| node.id().unwrap())
            .collect::<Vec<_>>(),
        ["gray", "combined"]
    );
    assert_eq!(nodes[1].types(), ["Stitching", "Trimming"]);
    assert!(nodes.iter().all(|node| node.job_id() == Some("J")));
}

#[test]
fn actual_amounts_of_several_sheets_on_one_link_stay_apart() {
    let source = br#"<ComponentLink xmlns="http://www.CIP4.org/JDFSchema_1_1" rRef="c"><AmountPool>
  <PartAmount Amount="100"><Part SheetName="S1" Condition="Good"/></PartAmount>
  <PartAmount Amount="200"><Part SheetName="S2" Condition="Good"/></PartAmount>
</AmountPool></ComponentLink>"#;
    let mut document = Document::parse(source, &Limits::default()).unwrap();
    let link = document.root().id();
    let made = |sheet: &str, amount: i64| {
        let mut part = PartAmount::of_condition("Good").with_actual(amount.into());
        part.part.insert("SheetName".to_owned(), sheet.to_owned());
        part
    };
    set_actual_amounts(&mut document, link, &[made("S2", 190), made("S1", 95)]).unwrap();
    // Only the condition is told, and both sheets could be meant.
    let waste = PartAmount::of_condition("Waste").with_actual(7.into());
    let unclear = PartAmount::of_condition("Good").with_actual(1.into());
    set_actual_amounts(&mut document, link, &[waste, unclear]).unwrap();
    let amounts: Vec<_> = document
        .root()
        .descendants()
        .filter(|element| element.is_jdf("PartAmount"))
        .map(|amount| {
            let part = amount.child("Part").unwrap();
            (
                part.attribute("SheetName"),
                part.attribute("Condition"),
                amount.attribute("ActualAmount"),
            )
        })
        .collect();
    let good = Some("Good");
    assert_eq!(
        amounts,
        [
            (Some("S1"), good, Some("95")),
            (Some("S2"), good, Some("190")),
            (None, Some("Waste"), Some("7")),
            (None, good, Some("1")),
        ]
    );
}

#[test]
fn a_link_to_a_node_leads_to_no_resource_and_spaces_around_a_status_do_not_matter() {
    let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n1" Type="Cutting" Status="InProgress">
  <AuditPool><ProcessRun EndStatus=" Completed" Start="2025-03-01T08:00:00Z" End="2025-03-01T09:00:00Z"/></AuditPool>
  <ResourceLinkPool><MediaLink rRef="n1" Usage="Input"/></ResourceLinkPool></JDF>"#;
    let document = Document::parse(source, &Limits::default()).unwrap();
    let ticket = Ticket::of(&document).unwrap();
    assert!(ticket.resource("n1").is_none() && ticket.by_id("n1").is_some());
    let summary = ProductionSummary::of(ticket.root(), &ticket);
    assert_eq!(summary.end_status, Some(NodeStatus::Completed));
}
