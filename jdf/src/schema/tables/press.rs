//! What a press uses.

elements! { PRESS
Media: Consumable { MediaType: Enum(Paper Film) } [MediaLayers?]
Component: Quantity { } []
}
