//! States of devices and of what is in them, and how much messages tell of it.

use super::{State, states};

states! {
    /// What a device does (JDF 1.5, `DeviceInfo`, attribute `DeviceStatus`).
    ///
    /// ```
    /// use agog_jdf::DeviceStatus;
    /// assert_eq!(DeviceStatus::from("Running"), DeviceStatus::Running);
    /// assert_eq!(DeviceStatus::from("Warping").as_str(), "Warping");
    /// ```
    DeviceStatus {
        /// Nothing is known, for example because the connection is lost.
        Unknown,
        /// Ready, and there is nothing to do.
        Idle,
        /// Out of order or switched off: it cannot be used.
        Down,
        /// Being made ready for a job.
        Setup,
        /// Producing.
        Running,
        /// Being cleaned after a job.
        Cleanup,
        /// Interrupted within a job, which may go on.
        Stopped,
    }

    /// How well a device does (JDF 1.5, `DeviceInfo`, attribute `DeviceCondition`).
    ///
    /// ```
    /// let condition = agog_jdf::DeviceCondition::from("NeedsAttention");
    /// assert_eq!(condition, agog_jdf::DeviceCondition::NeedsAttention);
    /// ```
    DeviceCondition {
        /// Everything is well.
        OK,
        /// It works, but somebody should look at it: paper is low, a service is due.
        NeedsAttention,
        /// It has failed.
        Failure,
        /// It is not reachable.
        OffLine,
    }

    /// Whether a device earns money (JDF 1.5, `DeviceInfo`, attribute `DeviceOperationMode`).
    ///
    /// ```
    /// use agog_jdf::DeviceOperationMode;
    /// let mode = DeviceOperationMode::from("Maintenance");
    /// assert!(mode != DeviceOperationMode::Productive && mode.as_str() == "Maintenance");
    /// ```
    DeviceOperationMode {
        /// It works on a job.
        Productive,
        /// It runs without a job that is paid for, such as a test.
        NonProductive,
        /// It is serviced.
        Maintenance,
    }

    /// How grave a notification is (JDF 1.5, `Notification`, attribute `Class`).
    ///
    /// ```
    /// use agog_jdf::NotificationClass;
    /// let class = NotificationClass::from("Fatal");
    /// assert!(class > NotificationClass::Warning, "the classes rise");
    /// ```
    NotificationClass {
        /// Something happened as it should, such as a counter being reset.
        Event,
        /// Worth knowing.
        Information,
        /// A small problem; the work goes on.
        Warning,
        /// A problem that somebody has to look at.
        Error,
        /// A problem that ended the work.
        Fatal,
    }

    /// How much a Status message says about the device (JDF 1.5, `StatusQuParams`, attribute `DeviceDetails`).
    ///
    /// ```
    /// use agog_jdf::DeviceDetails;
    /// assert!(DeviceDetails::Brief < DeviceDetails::Full, "each level says more");
    /// ```
    DeviceDetails {
        /// Nothing.
        None,
        /// Status and counters.
        Brief,
        /// The status of its modules, too.
        Modules,
        /// All that there is to say of its status.
        Details,
        /// The named features that it offers.
        NamedFeature,
        /// What it can do.
        Capability,
        /// Everything.
        Full,
    }

    /// How much a Status message says about the job (JDF 1.5, `StatusQuParams`, attribute `JobDetails`).
    ///
    /// ```
    /// use agog_jdf::JobDetails;
    /// assert!(JobDetails::from("MIS") < JobDetails::Full, "each level says more");
    /// ```
    JobDetails {
        /// Nothing.
        None,
        /// What the office needs for costs.
        MIS,
        /// Status and progress.
        Brief,
        /// Everything, with the node itself.
        Full,
    }

    /// How much of a resource is left (`ResourceInfo/@Level`).
    ///
    /// ```
    /// use agog_jdf::ResourceLevel;
    /// assert_eq!(ResourceLevel::from("Empty"), ResourceLevel::Empty);
    /// assert_eq!(ResourceLevel::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    ResourceLevel { Empty, Low, OK }

    /// What was reached (`Milestone/@MilestoneType`); the last of a job is `JobCompletedSuccessfully`.
    ///
    /// ```
    /// use agog_jdf::MilestoneType;
    /// assert_eq!(MilestoneType::from("PrePressCompleted"), MilestoneType::PrePressCompleted);
    /// assert_eq!(MilestoneType::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    MilestoneType {
        PrePressCompleted,
        PressCompleted,
        PostPressCompleted,
        ShippingCompleted,
        JobCompletedSuccessfully,
    }

    /// How tickets are packed for a device.
    ///
    /// ```
    /// use agog_jdf::Packaging;
    /// assert_eq!(Packaging::from("MIME"), Packaging::MIME);
    /// assert_eq!(Packaging::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    Packaging { MIME, None }

    /// How much is said about lots.
    ///
    /// ```
    /// use agog_jdf::LotDetails;
    /// assert_eq!(LotDetails::from("Brief"), LotDetails::Brief);
    /// assert_eq!(LotDetails::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    LotDetails { Brief, Full, Amount }

    /// How much is said about resources.
    ///
    /// ```
    /// use agog_jdf::ResourceDetails;
    /// assert_eq!(ResourceDetails::from("Brief"), ResourceDetails::Brief);
    /// assert_eq!(ResourceDetails::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    ResourceDetails { Brief, Full }

    /// Which resources are asked for: of the job, or all that the device has.
    ///
    /// ```
    /// use agog_jdf::ResourceContext;
    /// assert_eq!(ResourceContext::from("Job"), ResourceContext::Job);
    /// assert_eq!(ResourceContext::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    ResourceContext { Job, Global }

    /// Whether what can ever be used is meant, or what is there now.
    ///
    /// ```
    /// use agog_jdf::ResourceScope;
    /// assert_eq!(ResourceScope::from("Present"), ResourceScope::Present);
    /// assert_eq!(ResourceScope::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    ResourceScope { Present, Allowed }

    /// How a Resource command changes the resource.
    ///
    /// ```
    /// use agog_jdf::UpdateMethod;
    /// assert_eq!(UpdateMethod::from("Complete"), UpdateMethod::Complete);
    /// assert_eq!(UpdateMethod::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    UpdateMethod { Complete, Incremental, Remove }

    /// What a Resource command did (`ResourceInfo/@CommandResult`).
    ///
    /// ```
    /// use agog_jdf::CommandResult;
    /// assert_eq!(CommandResult::from("Rejected"), CommandResult::Rejected);
    /// assert_eq!(CommandResult::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    CommandResult { Rejected, Removed, New, Merged, Replaced }

    /// Which way a resource lies in a device (`ResourceInfo/@Orientation`).
    ///
    /// ```
    /// use agog_jdf::ResourceOrientation;
    /// assert_eq!(ResourceOrientation::from("Up"), ResourceOrientation::Up);
    /// assert_eq!(ResourceOrientation::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    ResourceOrientation { Up, Down, Left, Right }

    /// How a resource is made again (`ResourcePullParams/@RepeatPolicy`).
    ///
    /// ```
    /// use agog_jdf::RepeatPolicy;
    /// assert_eq!(RepeatPolicy::from("Complete"), RepeatPolicy::Complete);
    /// assert_eq!(RepeatPolicy::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    RepeatPolicy { Complete, CompleteOnly, Fast }

    /// Whether a job will be ready in time (`JobPhase/@DeadLine`).
    ///
    /// ```
    /// use agog_jdf::DeadLine;
    /// assert_eq!(DeadLine::from("InTime"), DeadLine::InTime);
    /// assert_eq!(DeadLine::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    DeadLine { InTime, Warning, Late }

    /// How far a device is shut down.
    ///
    /// ```
    /// use agog_jdf::ShutDownType;
    /// assert_eq!(ShutDownType::from("StandBy"), ShutDownType::StandBy);
    /// assert_eq!(ShutDownType::from("vendor:Own").as_str(), "vendor:Own");
    /// ```
    ShutDownType { StandBy, Full }
}
