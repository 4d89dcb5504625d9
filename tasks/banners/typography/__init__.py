"""Type: fonts, shaping, line breaking by Chinese rules, glyphs as coverage masks. Nothing here knows a banner."""
