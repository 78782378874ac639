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
    DocSheetIndex DocTags Edition EditionVersion FountainNumber ItemNames LayerIDs Location LotID
    Option PageNumber PageTags PartVersion PlateLayout PreflightRule PreviewType
    QualityMeasurement RibbonName Run RunIndex RunPage RunPageRange RunSet RunTags SectionIndex
    Separation SetDocIndex SetIndex SetRunIndex SetSheetIndex SetTags SheetIndex SheetName Side
    SignatureName Sorting SortAmount StationName SubRun TileID WebName WebProduct WebSetup
};
