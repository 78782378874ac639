//! Lists of values that several attributes share.

pub(super) const RESOURCE_STATUS: &[&str] = words! {
    Incomplete Rejected Unavailable InUse Draft Complete Available
};
pub(super) const NODE_STATUS: &[&str] = words! {
    Waiting TestRunInProgress Ready FailedTestRun Setup InProgress Cleanup Spawned Suspended
    Stopped Completed Aborted Part Pool
};
pub(super) const SETTINGS_POLICY: &[&str] = words! {
    BestEffort MustHonor OperatorIntervention
};
pub(super) const PARTITION_KEY_NAMES: &[&str] = words! {
    BinderySignatureName BinderySignaturePaginationIndex BlockName BundleItemIndex CellIndex
    Condition DeliveryUnit0 DeliveryUnit1 DeliveryUnit2 DeliveryUnit3 DeliveryUnit4 DeliveryUnit5
    DeliveryUnit6 DeliveryUnit7 DeliveryUnit8 DeliveryUnit9 DocCopies DocIndex DocRunIndex
    DocSheetIndex DocTags Edition EditionVersion FountainNumber ItemNames LayerIDs Location
    Metadata0 Metadata1 Metadata2 Metadata3 Metadata4 Metadata5 Metadata6 Metadata7 Metadata8
    Metadata9 Option PageNumber PageTags PartVersion PlateLayout PreflightRule PreviewType
    ProductPart RibbonName Run RunIndex RunPage RunSet RunTags SectionIndex Separation SetCopies
    SetDocIndex SetIndex SetRunIndex SetSheetIndex SetTags SheetIndex SheetName Side SignatureName
    StationName SubRun TileID WebName WebProduct WebSetup
};
pub(super) const DEVICE_STATUS: &[&str] =
    words! { Unknown Idle Down Setup Running Cleanup Stopped };
pub(super) const QUEUE_STATUS: &[&str] = words! { Blocked Closed Full Running Waiting Held };
pub(super) const QUEUE_ENTRY_STATUS: &[&str] = words! {
    Running Waiting Held Removed Suspended PendingReturn Completed Aborted
};
pub(super) const ORIENTATION: &[&str] = words! {
    Rotate0 Rotate90 Rotate180 Rotate270 Flip0 Flip90 Flip180 Flip270
};
pub(super) const ACTIVATION: &[&str] =
    words! { Active Held Inactive Informative TestRun TestRunAndGo };
pub(super) const COATING: &[&str] = words! {
    None Coated Glossy HighGloss InkJet Matte Polymer Satin Semigloss Silver
};
pub(super) const SIDE: &[&str] = words! { Front Back };
pub(super) const WORKING: &[&str] = words! { Top Bottom };
