"""From one master to a rendition for every placement: geometry, layout, encoding to a byte budget."""
