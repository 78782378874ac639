//! Every kind of audit: written as the schema wants it, read back as it was, and what the field adds is kept.

mod support;

use std::collections::BTreeMap;

use agog_jdf::audit::{
    Audit, AuditAmount, AuditContent, Author, Created, Deleted, Merged, Modified, ModulePhase,
    PhaseTime, ProcessRun, ResourceAudit, Spawned,
};
use agog_jdf::jmf::{Activity, Barcode, CostCenter, Employee, MisDetails, Notification};
use agog_jdf::resource::Ranges;
use agog_jdf::{
    Amounts, AuditReason, CostType, DeviceOperationMode, DeviceStatus, Document, Limits,
    NodeStatus, NotificationClass, PartAmount, Ticket, Usage, WorkType,
};
use jiff::{SignedDuration, Timestamp};

fn at(time: &str) -> Timestamp {
    format!("2025-03-01T{time}Z").parse().unwrap()
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "nearly every field is one that may be missing"
)]
fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn sheet(name: &str) -> BTreeMap<String, String> {
    [("SheetName".to_owned(), name.to_owned())].into()
}

fn ticket() -> Document {
    let source = br#"<?xml version="1.0"?>
<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n1" JobPartID="P" Type="Product" Status="Waiting" Version="1.5">
  <ResourcePool><Component ID="c1" Class="Quantity" Status="Unavailable" ComponentType="Sheet"/></ResourcePool>
</JDF>"#;
    Document::parse(source, &Limits::default()).unwrap()
}

fn every_kind() -> Vec<AuditContent> {
    let amount = |number: u32| AuditAmount {
        resource_name: "Component".to_owned(),
        rref: "c1".to_owned(),
        usage: Some(Usage::Output),
        process_usage: None,
        parts: vec![sheet("S1")],
        amounts: Amounts {
            parts: vec![PartAmount::of_condition("Good").with_actual(number.into())],
            ..Amounts::default()
        },
    };
    let mis_details = MisDetails {
        cost_type: Some(CostType::NonChargeable),
        device_operation_mode: Some(DeviceOperationMode::Productive),
        work_type: Some(WorkType::Rework),
        work_type_details: text("ResourceDamaged"),
    };
    vec![
        AuditContent::Created(Created {
            element_id: text("c1"),
            template_id: text("T1"),
            template_version: text("2"),
            xpath: text("ResourcePool/Component"),
        }),
        AuditContent::Modified(Modified {
            node_id: text("n1"),
            xpath: text("@DescriptiveName"),
        }),
        AuditContent::Deleted(Deleted {
            xpath: text("ResourcePool/Media"),
        }),
        AuditContent::Spawned(Spawned {
            node_id: "n1".to_owned(),
            destination_id: text("n9"),
            new_spawn_id: "Sp1".to_owned(),
            independent: Some(false),
            read_only: vec!["c1".to_owned()],
            read_write: vec!["c1".to_owned()],
            status: Some(NodeStatus::Waiting),
            url: text("http://press/jmf"),
            parts: vec![sheet("S1"), sheet("S2")],
        }),
        AuditContent::Merged(Merged {
            node_id: "n1".to_owned(),
            source_id: text("n9"),
            merge_id: "Sp1".to_owned(),
            independent: Some(false),
            overwritten: vec!["c1".to_owned()],
            url: text("file:///returned.jdf"),
            parts: vec![sheet("S1")],
        }),
        AuditContent::PhaseTime(PhaseTime {
            status_details: text("WashUp"),
            device_ids: vec!["press-3".to_owned()],
            employees: vec!["E-17".to_owned(), "E-18".to_owned()],
            amounts: vec![amount(10)],
            parts: vec![sheet("S1")],
            modules: vec![ModulePhase {
                device_id: "press-3".to_owned(),
                module_type: "PrintModule".to_owned(),
                module_id: text("PU1"),
                module_index: Some(Ranges(vec![[0, 3], [7, 7]])),
                device_status: Some(DeviceStatus::Cleanup),
                status_details: text("WashUp"),
                combined_process_index: vec![0, 1],
                start: Some(at("08:00:00")),
                end: Some(at("08:10:00")),
                employees: vec!["E-17".to_owned()],
            }],
            activities: vec![Activity {
                activity_id: text("A7"),
                activity_name: text("Washing"),
                personal_id: text("E-17"),
                start_time: Some(at("08:01:00")),
            }],
            mis_details: Some(mis_details.clone()),
            ..PhaseTime::new(NodeStatus::Cleanup, at("08:00:00"), at("08:10:00"))
        }),
        AuditContent::ProcessRun(ProcessRun {
            duration: Some(SignedDuration::from_mins(10)),
            queue_entry_id: text("Q1"),
            submission_time: Some(at("07:00:00")),
            return_time: Some(at("09:00:00")),
            parts: vec![sheet("S1")],
            ..ProcessRun::new(at("08:00:00"), at("08:10:00"), NodeStatus::Completed)
        }),
        AuditContent::ResourceAudit(ResourceAudit {
            reason: AuditReason::OperatorInput,
            contents_modified: Some(true),
            node_status: Some(NodeStatus::InProgress),
            planned: Some(amount(90)),
            mis_details: Some(mis_details),
            parts: vec![sheet("S1")],
            ..ResourceAudit::actual(amount(100))
        }),
        AuditContent::Notification(Notification {
            kind: text("Barcode"),
            job_id: text("J1"),
            job_part_id: text("P"),
            combined_process_index: vec![1],
            module_id: text("PU1"),
            module_index: Some(Ranges(vec![[2, 2]])),
            module_type: text("PrintModule"),
            parts: vec![sheet("S1")],
            cost_center: Some(CostCenter {
                cost_center_id: "CC-4".to_owned(),
                name: None,
            }),
            barcode: Some(Barcode {
                code: "4006381333931".to_owned(),
            }),
            ..Notification::new(NotificationClass::Event, "pallet scanned")
        }),
    ]
}

/// As what was written reads back: a notification says itself what all audits say.
fn written(content: &AuditContent, by: Author) -> Audit {
    let content = match content.clone() {
        AuditContent::Notification(notification) => AuditContent::Notification(Notification {
            timestamp: by.timestamp,
            id: by.id.clone(),
            ref_id: by.ref_id.clone(),
            agent_name: by.agent_name.clone(),
            agent_version: by.agent_version.clone(),
            author: by.author.clone(),
            spawn_id: by.spawn_id.clone(),
            queue_entry_id: by.queue_entry_id.clone(),
            employees: vec![Employee {
                personal_id: by.employees.first().cloned(),
                ..Employee::default()
            }],
            ..notification
        }),
        other => other,
    };
    Audit {
        by,
        content,
        element: None,
    }
}

#[test]
fn every_kind_of_audit_is_valid_and_reads_back_as_it_was() {
    let mut document = ticket();
    let node = document.root().id();
    let audits: Vec<Audit> = every_kind()
        .iter()
        .enumerate()
        .map(|(number, content)| {
            let employees = match content {
                AuditContent::PhaseTime(_) => Vec::new(),
                _ => vec!["E-3".to_owned()],
            };
            let by = Author {
                timestamp: Some(at("10:00:00")),
                agent_name: text("AGOG"),
                agent_version: text("1"),
                author: text("Jane"),
                id: Some(format!("A{number}")),
                ref_id: text("A0"),
                spawn_id: text("Sp1"),
                queue_entry_id: text("Q1"),
                employees,
            };
            written(content, by)
        })
        .collect();
    for audit in &audits {
        audit.append_to(&mut document, node).unwrap();
    }
    support::assert_valid(&document.to_bytes());

    let document = Document::parse(&document.to_bytes(), &Limits::default()).unwrap();
    let mut findings = Vec::new();
    let mut read = Audit::read_all(Ticket::of(&document).unwrap().root(), &mut findings);
    for audit in &mut read {
        let element = document.element(audit.element.unwrap()).unwrap();
        assert_eq!(element.local_name(), audit.content.name());
        audit.element = None;
    }
    assert_eq!(findings, []);
    for (read, written) in read.iter().zip(&audits) {
        assert_eq!(read, written);
    }
    assert_eq!(read.len(), audits.len());
}

#[test]
fn the_least_of_every_kind_is_valid_too() {
    let mut document = ticket();
    let node = document.root().id();
    let spawned = Spawned {
        node_id: "n1".to_owned(),
        new_spawn_id: "Sp1".to_owned(),
        ..Spawned::default()
    };
    let merged = Merged {
        node_id: "n1".to_owned(),
        merge_id: "Sp1".to_owned(),
        ..Merged::default()
    };
    for content in [
        AuditContent::Created(Created::default()),
        AuditContent::Modified(Modified::default()),
        AuditContent::Deleted(Deleted::default()),
        AuditContent::Spawned(spawned),
        AuditContent::Merged(merged),
        AuditContent::Notification(Notification::default()),
    ] {
        Audit::new(at("10:00:00"), "AGOG", content)
            .append_to(&mut document, node)
            .unwrap();
    }
    support::assert_valid(&document.to_bytes());
}

#[test]
fn an_audit_of_an_unknown_kind_is_kept_with_its_element() {
    let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" xmlns:v="urn:v" ID="n" Type="Cutting" Status="Waiting"><AuditPool>
        <v:PhaseTime v:Heat="9"/><CounterReset TimeStamp="now" AgentName="A"/></AuditPool></JDF>"#;
    let document = Document::parse(source, &Limits::default()).unwrap();
    let mut findings = Vec::new();
    let audits = Audit::read_all(Ticket::of(&document).unwrap().root(), &mut findings);
    assert_eq!(
        audits[0].content,
        AuditContent::Other("PhaseTime".to_owned())
    );
    let element = document.element(audits[0].element.unwrap()).unwrap();
    assert_eq!(element.attribute("v:Heat"), Some("9"));
    assert_eq!(
        audits[1].content,
        AuditContent::Other("CounterReset".to_owned())
    );
    assert_eq!(audits[1].by.agent_name.as_deref(), Some("A"));
    assert_eq!(findings[0].code, "value-unreadable");
}

#[test]
fn a_device_and_an_operator_that_are_referred_to_are_found_with_the_ticket() {
    let source = br#"<JDF xmlns="http://www.CIP4.org/JDFSchema_1_1" ID="n" Type="Cutting" Status="Waiting"><AuditPool>
        <PhaseTime Start="2025-03-01T08:00:00Z" Status="Setup" TimeStamp="2025-03-01T08:00:00Z">
          <DeviceRef rRef="d"/><EmployeeRef rRef="e"/><EmployeeRef rRef="nobody"/></PhaseTime></AuditPool>
        <ResourcePool><Device ID="d" Class="Implementation" DeviceID="cutter-1"/>
          <Employee ID="e" Class="Implementation"><Person FamilyName="Lovelace"/></Employee></ResourcePool></JDF>"#;
    let document = Document::parse(source, &Limits::default()).unwrap();
    let ticket = Ticket::of(&document).unwrap();
    let audits = Audit::read_with(ticket.root(), &ticket, &mut Vec::new());
    let AuditContent::PhaseTime(phase) = &audits[0].content else {
        panic!("{audits:?}")
    };
    assert_eq!(
        (phase.device_ids.as_slice(), phase.employees.as_slice()),
        (&["cutter-1".to_owned()][..], &["Lovelace".to_owned()][..])
    );
}
