//! Processes (JDF 1.5, Processes).

processes! { PROCESSES
ConventionalPrinting { Component*, ConventionalPrintingParams!, ColorantControl?, ExposedMedia*, Ink?, InkZoneProfile?, Layout?, Media?, PrintCondition?, TransferCurvePool? } -> { Component+ }
Cutting { CutBlock*, CutMark*, CuttingParams?, Component*, Media? } -> { Component+ }
Folding { Component!, FoldingParams! } -> { Component! }
Gluing { Component!, GluingParams! } -> { Component! }
}
