//! Messages about nodes of tickets: `NewJDF` makes and finds them, `ModifyNode` and `UpdateJDF` change them.

use super::device::Device;
use super::parameters::parameters;
use crate::amount::PartKeys;
use crate::fragment::Fragment;
use crate::state::{Activation, CommentAction};

parameters! {
    /// Which nodes are asked for (JDF 1.5, `NewJDF` query).
    NewJdfQuParams "NewJDFQuParams" {
        /// The job.
        job_id: Option<String> = "JobID",
        /// The part of the job.
        job_part_id: Option<String> = "JobPartID",
        /// The queue entry.
        queue_entry_id: Option<String> = "QueueEntryID",
    }

    /// The nodes that are to be made (JDF 1.5, `NewJDF` command).
    NewJdfCmdParams "NewJDFCmdParams" {
        /// How much is to be said about the new node: `None`, `Brief`, `Full` or a vendor's own.
        jdf_details: Option<String> = "JDFDetails",
    }
    + children {
        /// What each is to be.
        ids: Vec<IdInfo> = "IDInfo",
    }

    /// Which node of which job (JDF 1.5, `NewJDF`).
    IdInfo "IDInfo" {
        /// The job.
        job_id: Option<String> = "JobID",
        /// The part of the job.
        job_part_id: Option<String> = "JobPartID",
        /// The job of the node around it.
        parent_job_id: Option<String> = "ParentJobID",
        /// The part of the node around it.
        parent_job_part_id: Option<String> = "ParentJobPartID",
        /// The project.
        project_id: Option<String> = "ProjectID",
        /// What it does, such as `Binding`.
        category: Option<String> = "Category",
        /// Its process, `Product`, `ProcessGroup` or `Combined`.
        kind: Option<String> = "Type",
        /// Its processes.
        types: Vec<String> = "Types",
        /// Where the ticket is.
        jdf_url: Option<String> = "JDFURL",
    }
    + children {
        /// The devices that run it.
        devices: Vec<Device> = "Device",
        /// The ticket itself.
        tickets: Vec<Fragment> = "JDF",
    }
    + rest {
        /// Everything else, such as the nodes inside it (`IDInfo`) and extensions.
        content = "Comment",
    }

    /// How a node is changed (JDF 1.5, `ModifyNode`).
    ModifyNodeCmdParams "ModifyNodeCmdParams" {
        /// The job.
        job_id: String = "JobID",
        /// The part of the job.
        job_part_id: String = "JobPartID",
        /// Whether it is to be run.
        activation: Option<Activation> = "Activation",
    }
    + children {
        /// Its new comments.
        comments: Vec<NewComment> = "NewComment",
    }

    /// How a comment of a node is changed (JDF 1.5, `ModifyNode`).
    NewComment "NewComment" {
        /// What is done to the comment.
        action: CommentAction = "Action",
        /// The comment; a new one gets this ID.
        comment_id: Option<String> = "CommentID",
        /// The element that has the comment.
        ref_id: String = "refID",
    }
    + children {
        /// The text.
        texts: Vec<String> = "Comment",
        /// Which parts of the element.
        parts: Vec<PartKeys> = "Part",
    }

    /// How a ticket is changed (JDF 1.5, `UpdateJDF`).
    UpdateJdfCmdParams "UpdateJDFCmdParams" {}
    + children {
        /// New resources.
        create_resources: Vec<CreateResource> = "CreateResource",
        /// New links.
        create_links: Vec<CreateLink> = "CreateLink",
        /// Resources that move to another node.
        move_resources: Vec<MoveResource> = "MoveResource",
        /// Links that are taken away.
        remove_links: Vec<RemoveLink> = "RemoveLink",
        /// New nodes.
        tickets: Vec<Fragment> = "JDF",
    }

    /// Resources for a node (JDF 1.5, `UpdateJDF`).
    CreateResource "CreateResource" {
        /// The job of the node.
        parent_job_id: String = "ParentJobID",
        /// The part of the node.
        parent_job_part_id: String = "ParentJobPartID",
    }
    + rest {
        /// The resources.
        content = "Media",
    }

    /// Links for a node (JDF 1.5, `UpdateJDF`).
    CreateLink "CreateLink" {
        /// The job of the node.
        parent_job_id: String = "ParentJobID",
        /// The part of the node.
        parent_job_part_id: String = "ParentJobPartID",
    }
    + rest {
        /// The links.
        content = "MediaLink",
    }

    /// A resource that moves into a node (JDF 1.5, `UpdateJDF`).
    MoveResource "MoveResource" {
        /// The job of the node.
        parent_job_id: String = "ParentJobID",
        /// The part of the node.
        parent_job_part_id: String = "ParentJobPartID",
        /// The resource.
        resource_id: String = "ResourceID",
    }

    /// Links that a node loses (JDF 1.5, `UpdateJDF`).
    RemoveLink "RemoveLink" {
        /// The job of the node.
        parent_job_id: String = "ParentJobID",
        /// The part of the node.
        parent_job_part_id: String = "ParentJobPartID",
    }
    + rest {
        /// The links.
        content = "MediaLink",
    }
}
