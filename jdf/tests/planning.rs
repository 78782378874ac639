//! Planning and customer of a node wherever its version keeps them, and the resources that a node reaches.

use agog_jdf::resource::View as _;
use agog_jdf::{Document, Limits, NodeStatus, Ticket};

fn parse(inner: &str) -> Document {
    let source = format!(
        "<JDF xmlns='http://www.CIP4.org/JDFSchema_1_1' ID='root' Type='Product' Status='Waiting'>{inner}</JDF>"
    );
    Document::parse(source.as_bytes(), &Limits::default()).unwrap()
}

#[test]
fn planning_is_found_by_link_or_in_the_node() {
    let document = parse(
        "<ResourcePool><NodeInfo ID='ni' Class='Parameter' Status='Available' JobPriority='80' Start='2025-03-01T08:00:00Z' End='2025-03-01T10:00:00Z' \
           LastEnd='2025-03-02T12:00:00Z' SetupDuration='PT20M' PartIDKeys='SheetName'><NodeInfo SheetName='S1' NodeStatus='Completed' JobPriority='90'/>\
           <MISDetails CostType='Chargeable'/><EmployeeRef rRef='e'/></NodeInfo>\
           <Employee ID='e' Class='Implementation' PersonalID='E-17'/></ResourcePool>\
         <JDF ID='new' Type='Cutting' Status='Waiting'><ResourceLinkPool><NodeInfoLink rRef='ni' Usage='Input'/></ResourceLinkPool></JDF>\
         <JDF ID='part' Type='Cutting' Status='Part'><ResourceLinkPool><NodeInfoLink rRef='ni' Usage='Input'><Part SheetName='S1'/></NodeInfoLink></ResourceLinkPool></JDF>\
         <JDF ID='old' Type='Cutting' Status='Waiting'><NodeInfo End='2004-05-01T10:00:00+02:00'/></JDF><JDF ID='none' Type='Cutting' Status='Waiting'/>",
    );
    let ticket = Ticket::of(&document).unwrap();
    let node = |id: &str| ticket.node_by_name(id).unwrap();
    let info = node("new").node_info(&ticket).unwrap();
    assert_eq!(
        (info.priority(), info.setup_duration().unwrap().as_mins()),
        (80, 20)
    );
    assert_eq!(info.due().unwrap().to_string(), "2025-03-02T12:00:00Z");
    assert_eq!(info.start().unwrap().to_string(), "2025-03-01T08:00:00Z");
    assert_eq!(
        info.employees(Some(&ticket)).next().unwrap().personal_id(),
        Some("E-17")
    );
    assert_eq!(info.mis_details().count(), 1);
    let part = node("part").node_info(&ticket).unwrap();
    assert_eq!(
        (part.priority(), part.node_status()),
        (90, Some(NodeStatus::Completed))
    );
    let old = node("old").node_info(&ticket).unwrap();
    assert_eq!(
        (old.due().unwrap().to_string().as_str(), old.priority()),
        ("2004-05-01T08:00:00Z", 50)
    );
    assert!(node("none").node_info(&ticket).is_none());
}

#[test]
fn the_customer_is_that_of_the_nearest_node_and_of_the_ancestors_of_a_spawned_ticket() {
    let document = parse(
        "<ResourcePool><CustomerInfo ID='ci' Class='Parameter' Status='Available' CustomerOrderID='PO-1'><ContactRef rRef='c'/></CustomerInfo>\
           <Contact ID='c' Class='Parameter' Status='Available' ContactTypes='Customer Billing'><Company OrganizationName='Bright Foods'/>\
             <Person FamilyName='Lovelace'><ComChannel ChannelType='Email' Locator='mailto:ada@example.com'/></Person>\
             <Address City='Basel' CountryCode='CH'/></Contact></ResourcePool>\
         <ResourceLinkPool><CustomerInfoLink rRef='ci' Usage='Input'/></ResourceLinkPool>\
         <JDF ID='a' Type='Product' Status='Waiting'><JDF ID='b' Type='Cutting' Status='Waiting'/></JDF>\
         <JDF ID='own' Type='Cutting' Status='Waiting'><CustomerInfo CustomerOrderID='PO-2'/></JDF>",
    );
    let ticket = Ticket::of(&document).unwrap();
    let info = |id: &str| {
        ticket
            .node_by_name(id)
            .unwrap()
            .customer_info(&ticket)
            .unwrap()
    };
    assert_eq!(info("own").customer_order_id(), Some("PO-2"));
    let customer = info("b");
    assert_eq!(customer.customer_order_id(), Some("PO-1"));
    let contact = customer.contacts(Some(&ticket)).next().unwrap();
    assert_eq!(contact.contact_types(), Some(vec!["Customer", "Billing"]));
    assert_eq!(
        contact.companies(None).next().unwrap().organization_name(),
        Some("Bright Foods")
    );
    let person = contact.persons(None).next().unwrap();
    assert_eq!(
        person.com_channels(None).next().unwrap().locator(),
        Some("mailto:ada@example.com")
    );
    assert_eq!(
        contact.addresses(None).next().unwrap().city(),
        Some("Basel")
    );

    let spawned = parse(
        "<AncestorPool><Ancestor NodeID='x'><CustomerInfo CustomerOrderID='far'/></Ancestor>\
         <Ancestor NodeID='y'><CustomerInfo CustomerOrderID='near'><Company OrganizationName='B'/></CustomerInfo></Ancestor></AncestorPool>",
    );
    let ticket = Ticket::of(&spawned).unwrap();
    assert_eq!(
        ticket
            .root()
            .customer_info(&ticket)
            .unwrap()
            .customer_order_id(),
        Some("near")
    );
    assert_eq!(ticket.root().customer().unwrap().company, Some("B"));
}

#[test]
fn a_node_reaches_what_it_links_to_and_what_that_refers_to() {
    let document = parse(
        "<ResourcePool><Component ID='c' Class='Quantity'><MediaRef rRef='m'><Part SheetName='S1'/></MediaRef></Component>\
           <Media ID='m' Class='Consumable' PartIDKeys='SheetName' rRefs='loop'><Media SheetName='S1' Weight='90'/></Media>\
           <Media ID='loop' Class='Consumable'><ComponentRef rRef='c'/></Media><Media ID='unused' Class='Consumable'/>\
           <Device ID='d' Class='Implementation'/><Layout ID='l' Class='Parameter'><ContentObject ID='inner'/></Layout></ResourcePool>\
         <JDF ID='n' Type='ProcessGroup' Status='Waiting'><AuditPool><PhaseTime><DeviceRef rRef='d'/></PhaseTime></AuditPool>\
           <JDF ID='n1' Type='Cutting' Status='Waiting'><ResourceLinkPool><ComponentLink rRef='c' Usage='Output'/><LayoutLink rRef='inner' Usage='Input'/></ResourceLinkPool></JDF></JDF>",
    );
    let ticket = Ticket::of(&document).unwrap();
    let reached = ticket.node_by_name("n").unwrap().reached(&ticket);
    let shown: Vec<String> = reached
        .iter()
        .map(|reached| {
            let output = if reached.is_output { " out" } else { "" };
            let linked = if reached.is_linked { " linked" } else { "" };
            format!("{}{linked}{output}", reached.resource.id().unwrap())
        })
        .collect();
    assert_eq!(shown, ["d", "c linked out", "l linked", "m", "loop"]);
    let reference = ticket.resource("c").unwrap().references().next().unwrap();
    let meant = reference.resources(&ticket);
    assert_eq!((meant.len(), meant[0].attribute("Weight")), (1, Some("90")));
    let pool: Vec<_> = ticket
        .root()
        .resources()
        .filter_map(agog_jdf::Resource::id)
        .collect();
    assert_eq!(pool, ["c", "m", "loop", "unused", "d", "l"]);
    assert!(agog_jdf::resource::Media::of(meant[0]).is_some());
}
