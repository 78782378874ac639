//! The order of work: who waits for whom, what can be run now, and what runs inside a node.

use agog_jdf::order::{Order, Readiness};
use agog_jdf::{Document, Limits, NodeStatus, Ticket};
use proptest::prelude::*;

fn parse(inner: &str) -> Document {
    let source = format!(
        "<JDF xmlns='http://www.CIP4.org/JDFSchema_1_1' ID='root' Type='Product' Status='Waiting'>{inner}</JDF>"
    );
    Document::parse(source.as_bytes(), &Limits::default()).unwrap()
}

/// A node with links written as `<name` for an input and `>name` for an output; a part follows a slash.
fn node(id: &str, attributes: &str, links: &[&str]) -> String {
    let link = |text: &&str| {
        let (usage, name) = text.split_at(1);
        let usage = if usage == "<" { "Input" } else { "Output" };
        let (name, part) = name.split_once('/').unwrap_or((name, ""));
        let part = if part.is_empty() {
            String::new()
        } else {
            format!("<Part {part}/>")
        };
        format!("<ComponentLink rRef='{name}' Usage='{usage}'>{part}</ComponentLink>")
    };
    let links: String = links.iter().map(link).collect();
    let kind = if attributes.contains("Type=") {
        ""
    } else {
        "Type='Cutting'"
    };
    format!("<JDF ID='{id}' {kind} {attributes}><ResourceLinkPool>{links}</ResourceLinkPool></JDF>")
}

/// The nodes in order, and for each what it waits for, as `b<a`.
fn order(inner: &str) -> (String, Vec<String>) {
    let document = parse(inner);
    let ticket = Ticket::of(&document).unwrap();
    let order = Order::of(&ticket);
    let name = |node: &agog_jdf::JdfNode<'_>| node.id().unwrap().to_owned();
    let names: Vec<String> = order.nodes().iter().map(name).collect();
    let mut nodes = order.nodes().to_vec();
    nodes.sort_by_key(|node| node.node_id());
    let waits = nodes.iter().filter_map(|node| {
        let before: Vec<String> = order.waits_for(*node).iter().map(name).collect();
        (!before.is_empty()).then(|| format!("{}<{}", name(node), before.join(",")))
    });
    (names.join(" "), waits.collect())
}

fn readiness(inner: &str, id: &str, now: Option<&str>) -> String {
    let document = parse(inner);
    let ticket = Ticket::of(&document).unwrap();
    let order = Order::of(&ticket);
    let node = ticket.nodes().find(|node| node.id() == Some(id)).unwrap();
    show(&order.readiness(node, now.map(|now| now.parse().unwrap())))
}

fn show(readiness: &Readiness<'_>) -> String {
    match readiness {
        Readiness::Ready => "ready".to_owned(),
        Readiness::Done(status) => format!("done: {status}"),
        Readiness::UnderWay(status) => format!("under way: {status}"),
        Readiness::Waits(waits) => {
            let waits: Vec<String> = waits.iter().map(ToString::to_string).collect();
            waits.join("; ")
        }
        Readiness::Parts(parts) => {
            let part = |part: &agog_jdf::order::PartReadiness<'_>| {
                let keys = part.parts.iter().flatten();
                let keys: Vec<String> = keys
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                format!("[{}] {}", keys.join(" "), show(&part.readiness))
            };
            parts.iter().map(part).collect::<Vec<_>>().join(" | ")
        }
    }
}

#[test]
fn a_node_comes_after_those_that_make_what_it_takes() {
    let inner = node("fold", "", &["<cut", ">folded"])
        + &node("cut", "", &["<sheet", ">cut"])
        + &node("print", "", &["<plate", ">sheet"])
        + &node("plates", "", &[">plate"]);
    let (names, waits) = order(&inner);
    assert_eq!(names, "plates print cut fold");
    assert_eq!(waits, ["fold<cut", "cut<print", "print<plates"]);
}

#[test]
fn a_part_waits_only_for_those_that_make_some_of_it() {
    let inner = node("p1", "", &[">plates/SheetName='S1' Side='Front'"])
        + &node("p2", "", &[">plates/SheetName='S2'"])
        + &node("p3", "", &[">plates"])
        + &node("s1", "", &["<plates/SheetName='S1'"])
        + &node("s2", "", &["<plates/SheetName='S2' Side='Back'"])
        + &node("back", "", &["<plates/Side='Back'"])
        + &node("all", "", &["<plates"]);
    let (_, waits) = order(&inner);
    assert_eq!(
        waits,
        ["s1<p1,p3", "s2<p2,p3", "back<p2,p3", "all<p1,p2,p3"]
    );
}

#[test]
fn what_flows_through_a_pipe_is_not_waited_for() {
    let links = "<ResourceLinkPool><ComponentLink rRef='web' Usage='Input' PipeProtocol='Internal'/></ResourceLinkPool>";
    let inner =
        format!("<JDF ID='cut' Type='Cutting'>{links}</JDF>") + &node("print", "", &[">web"]);
    assert_eq!(order(&inner), ("cut print".to_owned(), vec![]));
    let inner = "<ResourcePool><Component ID='web' PipeID='P1'/></ResourcePool>".to_owned()
        + &node("cut", "", &["<web"])
        + &node("print", "", &[">web"]);
    assert_eq!(order(&inner).1, Vec::<String>::new());
}

#[test]
fn a_node_that_changes_a_resource_waits_for_those_that_make_it_anew() {
    let inner = node("after", "", &["<r"])
        + &node("change", "", &["<r", ">r"])
        + &node("make", "", &[">r"]);
    let (names, waits) = order(&inner);
    assert_eq!(names, "make change after");
    assert_eq!(waits, ["after<change,make", "change<make"]);
}

#[test]
fn groups_stand_for_the_nodes_below_them() {
    // The gray box was expanded: its own links name the same plates as the node inside; `proof` only the group makes.
    let group = format!(
        "<JDF ID='group' Type='ProcessGroup' Types='Imposition ImageSetting'><ResourceLinkPool>\
         <ExposedMediaLink rRef='plate' Usage='Output'/><ComponentLink rRef='proof' Usage='Output'/>\
         <RunListLink rRef='pages' Usage='Input'/></ResourceLinkPool>{}{}</JDF>",
        node("impose", "", &[">film"]),
        node("image", "", &["<film", ">plate"])
    );
    let inner = node("print", "", &["<plate", ">final"])
        + &node("approve", "", &["<proof"])
        + &group
        + &node("layout", "", &[">pages"])
        + "<ResourceLinkPool><ComponentLink rRef='final' Usage='Output'/></ResourceLinkPool>";
    let (names, waits) = order(&inner);
    assert_eq!(names, "layout impose image print approve");
    assert_eq!(
        waits,
        [
            "print<image",
            "approve<impose,image",
            "impose<layout",
            "image<impose,layout"
        ]
    );
}

#[test]
fn only_nodes_on_a_circle_are_stuck() {
    let inner = node("a", "", &["<y", ">x"])
        + &node("b", "", &["<x", ">y", ">z"])
        + &node("behind", "", &["<z"])
        + &node("free", "", &[">w"]);
    let document = parse(&inner);
    let ticket = Ticket::of(&document).unwrap();
    let order = Order::of(&ticket);
    let stuck: Vec<_> = order.stuck().iter().filter_map(|node| node.id()).collect();
    assert_eq!(stuck, ["a", "b"]);
    assert_eq!(order.nodes().len(), 4);
}

#[test]
fn a_gray_box_may_feed_what_it_waits_for() {
    let inner = node("gray", "Type='ProcessGroup' Types='A B'", &["<y", ">x"])
        + &node("b", "", &["<x", ">y"]);
    let document = parse(&inner);
    let ticket = Ticket::of(&document).unwrap();
    let order = Order::of(&ticket);
    assert!(order.stuck().is_empty());
    assert_eq!(order.nodes().len(), 2);
}

#[test]
fn a_node_says_what_it_waits_for() {
    let pool = "<ResourcePool>\
        <Component ID='sheet' Class='Quantity' PartIDKeys='SheetName' Status='Unavailable'>\
          <Component SheetName='S1' Status='Available'/><Component SheetName='S2'/></Component>\
        <CuttingParams ID='params' Class='Parameter' Status='Incomplete'/>\
        <Component ID='box' Class='Quantity' Status='Draft'/><Component ID='odd' Status='vendor'/></ResourcePool>";
    let print = node("print", "Status='Waiting'", &[">sheet/SheetName='S2'"]);
    let done = node("done", "Status='Completed'", &[">sheet/SheetName='S2'"]);
    let check = |links: &[&str], expected: &str| {
        let inner = format!(
            "{pool}{print}{done}{}",
            node("cut", "Status='Waiting'", links)
        );
        assert_eq!(readiness(&inner, "cut", None), expected, "{links:?}");
    };
    check(&["<sheet/SheetName='S1'", ">box", "<odd"], "ready");
    check(
        &["<sheet"],
        "resource `sheet` SheetName=S2 is Unavailable, to be made by node `print`",
    );
    check(
        &["<params", "<nowhere"],
        "resource `params` is Incomplete; resource `nowhere` is not in the ticket",
    );
    check(&["<box"], "resource `box` is Draft");
}

#[test]
fn a_link_may_be_content_with_less_than_an_available_resource() {
    let pool = "<ResourcePool><Layout ID='l' Class='Parameter' Status='Draft'/><Media ID='m' Class='Consumable' Status='Complete'/>\
        <RunList ID='r' Class='Parameter' Status='Complete'/></ResourcePool>";
    let check = |link: &str, expected: &str| {
        let inner = format!(
            "{pool}<JDF ID='n' Type='Imposition' Status='Waiting'><ResourceLinkPool>{link}</ResourceLinkPool></JDF>"
        );
        assert_eq!(readiness(&inner, "n", None), expected, "{link}");
    };
    check(
        "<LayoutLink rRef='l' Usage='Input'/>",
        "resource `l` is Draft",
    );
    check(
        "<LayoutLink rRef='l' Usage='Input' DraftOK='true'/>",
        "ready",
    );
    check(
        "<LayoutLink rRef='l' Usage='Input' MinStatus='Draft'/>",
        "ready",
    );
    check("<RunListLink rRef='r' Usage='Input'/>", "ready");
    check(
        "<MediaLink rRef='m' Usage='Input'/>",
        "resource `m` is Complete",
    );
    check(
        "<MediaLink rRef='m' Usage='Input' MinStatus='InUse'/>",
        "ready",
    );
}

#[test]
fn status_activation_planning_and_spawning_hold_a_node_back() {
    let check = |inner: &str, expected: &str| {
        assert_eq!(
            readiness(inner, "n", Some("2025-03-01T08:00:00Z")),
            expected,
            "{inner}"
        );
    };
    check(&node("n", "Status='Completed'", &[]), "done: Completed");
    check(&node("n", "Status='Setup'", &[]), "under way: Setup");
    check(
        &node("n", "Status='FailedTestRun'", &[]),
        "a test run of the node failed",
    );
    check(
        &node("n", "Status='Spawned'", &[]),
        "the node already has the status Spawned",
    );
    check(
        &node("n", "Activation='Inactive'", &[]),
        "the node is not active (`Activation=\"Inactive\"`)",
    );
    check(
        &format!(
            "<JDF ID='g' Type='ProcessGroup' Status='Spawned'>{}</JDF>",
            node("n", "", &[])
        ),
        "node `g` around it was spawned and is not back",
    );
    let planned = |first: &str| {
        format!(
            "<ResourcePool><NodeInfo ID='ni' Class='Parameter' Status='Available' FirstStart='{first}'/></ResourcePool>\
             <JDF ID='n' Type='Cutting' Status='Waiting'><ResourceLinkPool><NodeInfoLink rRef='ni' Usage='Input'/></ResourceLinkPool></JDF>"
        )
    };
    check(&planned("2025-03-01T07:00:00Z"), "ready");
    check(
        &planned("2025-03-01T09:00:00Z"),
        "the node may not begin before 2025-03-01T09:00:00Z",
    );
}

#[test]
fn parts_of_a_node_are_ready_one_by_one() {
    let inner = "<ResourcePool><ExposedMedia ID='plates' Class='Handling' PartIDKeys='SheetName' Status='Available'>\
          <ExposedMedia SheetName='S1'/><ExposedMedia SheetName='S2'/><ExposedMedia SheetName='S3' Status='Unavailable'/></ExposedMedia>\
        <NodeInfo ID='ni' Class='Parameter' Status='Available' PartIDKeys='SheetName' NodeStatus='Waiting'>\
          <NodeInfo SheetName='S1' NodeStatus='Completed'/><NodeInfo SheetName='S2'/><NodeInfo SheetName='S3'/></NodeInfo></ResourcePool>\
        <JDF ID='n' Type='ConventionalPrinting' Status='Part'><ResourceLinkPool><NodeInfoLink rRef='ni' Usage='Input'/>\
          <ExposedMediaLink rRef='plates' Usage='Input'/></ResourceLinkPool></JDF>";
    assert_eq!(
        readiness(inner, "n", None),
        "[SheetName=S1] done: Completed | [SheetName=S2] ready | [SheetName=S3] resource `plates` SheetName=S3 is Unavailable | [] ready"
    );
    // Until JDF 1.2 the node had a pool of statuses.
    let inner = "<JDF ID='n' Type='Cutting' Status='Pool'><StatusPool Status='Waiting'>\
        <PartStatus Status='InProgress'><Part SheetName='S1'/></PartStatus></StatusPool></JDF>";
    assert_eq!(
        readiness(inner, "n", None),
        "[SheetName=S1] under way: InProgress | [] ready"
    );
}

#[test]
fn a_combined_node_runs_its_processes_in_the_order_of_its_types() {
    let document = parse(
        "<JDF ID='n' Type='Combined' Types='Cutting Folding Stitching'><ResourceLinkPool>\
         <ComponentLink rRef='sheet' Usage='Input' CombinedProcessIndex='0'/>\
         <ComponentLink rRef='cut' Usage='Output' CombinedProcessIndex='0'/><ComponentLink rRef='cut' Usage='Input' CombinedProcessIndex='1'/>\
         <StitchingParamsLink rRef='s' Usage='Input'/><DeviceLink rRef='d' Usage='Input' CombinedProcessIndex='0 1 2 7'/>\
         <ComponentLink rRef='done' Usage='Output' CombinedProcessType='Stitching'/><MediaLink rRef='x' Usage='Input'/></ResourceLinkPool></JDF>",
    );
    let ticket = Ticket::of(&document).unwrap();
    let steps = ticket.root().children().next().unwrap().steps();
    let shown: Vec<String> = steps
        .iter()
        .map(|step| {
            let links: Vec<&str> = step.links.iter().map(|link| link.rref()).collect();
            format!("{} {}: {}", step.index, step.process, links.join(" "))
        })
        .collect();
    assert_eq!(
        shown,
        [
            "0 Cutting: sheet cut d x",
            "1 Folding: cut d",
            "2 Stitching: s d done"
        ]
    );
    assert_eq!(steps[1].takes_from(&steps[0]), ["cut"]);
    assert!(steps[2].takes_from(&steps[1]).is_empty());
}

#[test]
fn twenty_thousand_nodes_and_a_resource_that_all_of_them_share_are_ordered_at_once() {
    // Were edges drawn from each maker to each taker, these would be a hundred million.
    const COUNT: usize = 10_000;
    let make: String = (0..COUNT)
        .map(|at| {
            node(
                &format!("m{at}"),
                "",
                &[&format!(">r/SheetName='S{at}'"), ">s"],
            )
        })
        .collect();
    let take: String = (0..COUNT)
        .map(|at| {
            node(
                &format!("t{at}"),
                "",
                &[&format!("<r/SheetName='S{at}'"), "<s"],
            )
        })
        .collect();
    let document = parse(&(take + &make));
    let ticket = Ticket::of(&document).unwrap();
    let order = Order::of(&ticket);
    let nodes = order.nodes();
    assert!(
        nodes[..COUNT]
            .iter()
            .all(|node| node.id().unwrap().starts_with('m'))
    );
    assert_eq!(nodes.len(), 2 * COUNT);
}

/// Waits between gray boxes that feed each other, which no order can keep.
const DOUBTFUL_MAX: usize = 4;

#[test]
fn real_tickets_have_an_order_in_which_every_node_can_be_run() {
    let Some(root) = std::env::var_os("AGOG_JDF_CORPUS") else {
        eprintln!("AGOG_JDF_CORPUS is not set: corpus test skipped");
        return;
    };
    let crate_folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![crate_folder.join("..").join(root).join("tickets")];
    let (mut nodes, mut waiting, mut doubtful, mut ready) = (0, 0, 0, 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let Ok(document) = Document::parse(&bytes, &Limits::default()) else {
                continue;
            };
            let Ok(ticket) = Ticket::of(&document) else {
                continue;
            };
            let order = Order::of(&ticket);
            let leaves = ticket
                .nodes()
                .filter(|node| node.children().next().is_none());
            assert_eq!(order.nodes().len(), leaves.count(), "{}", path.display());
            assert!(
                order.stuck().is_empty(),
                "{}: {:?}",
                path.display(),
                order.stuck()
            );
            for (at, node) in order.nodes().iter().enumerate() {
                for before in order.waits_for(*node) {
                    waiting += 1;
                    if !order.nodes()[..at].contains(&before) {
                        eprintln!(
                            "{}: {:?} before {:?}",
                            path.display(),
                            node.id(),
                            before.id()
                        );
                        doubtful += 1;
                    }
                }
                match order.readiness(*node, None) {
                    Readiness::Ready => ready += 1,
                    Readiness::Waits(waits) => assert!(!waits.is_empty()),
                    _ => {}
                }
            }
            nodes += order.nodes().len();
        }
    }
    eprintln!("{nodes} nodes, {waiting} waits, {doubtful} not kept, {ready} ready");
    assert!(doubtful <= DOUBTFUL_MAX);
}

proptest! {
    /// Whatever the links, every node is there once, and a node that is not stuck comes after those it waits for.
    #[test]
    fn the_order_keeps_what_it_promises(links in prop::collection::vec((0_usize..8, 0_usize..6, any::<bool>(), 0_usize..4), 0..30)) {
        let nodes: String = (0..8)
            .map(|at| {
                let own: Vec<String> = links
                    .iter()
                    .filter(|(node, ..)| *node == at)
                    .map(|(_, resource, is_input, part)| {
                        let usage = if *is_input { '<' } else { '>' };
                        match part {
                            0 | 1 => format!("{usage}r{resource}/SheetName='S{part}'"),
                            2 => format!("{usage}r{resource}/Side='Front'"),
                            _ => format!("{usage}r{resource}"),
                        }
                    })
                    .collect();
                let own: Vec<&str> = own.iter().map(String::as_str).collect();
                node(&format!("n{at}"), "Status='Waiting'", &own)
            })
            .collect();
        let document = parse(&nodes);
        let ticket = Ticket::of(&document).unwrap();
        let order = Order::of(&ticket);
        prop_assert_eq!(order.nodes().len(), 8);
        if order.stuck().is_empty() {
            for (at, node) in order.nodes().iter().enumerate() {
                for before in order.waits_for(*node) {
                    prop_assert!(order.nodes()[..at].contains(&before));
                }
            }
        }
        for node in order.nodes() {
            prop_assert!(order.readiness(*node, None) != Readiness::UnderWay(NodeStatus::Setup));
        }
    }
}

#[test]
fn what_a_linked_resource_refers_to_makes_nobody_wait() {
    let inner = "<ResourcePool><Component ID='c' Class='Quantity' Status='Available'><MediaRef rRef='m'/></Component>\
        <Media ID='m' Class='Consumable' Status='Unavailable'/></ResourcePool>"
        .to_owned()
        + &node("a", "Status='Waiting'", &["<c"]);
    assert_eq!(readiness(&inner, "a", None), "ready");
}

#[test]
fn a_ticket_inside_a_resource_is_not_a_node_and_neither_are_its_nodes() {
    let document = parse(
        "<ResourcePool><Component ID='c'><JDF ID='x'><JDF ID='y'/></JDF></Component></ResourcePool><JDF ID='a'/>",
    );
    let ticket = Ticket::of(&document).unwrap();
    let ids: Vec<_> = ticket.nodes().filter_map(agog_jdf::JdfNode::id).collect();
    assert_eq!(ids, ["root", "a"]);
}
