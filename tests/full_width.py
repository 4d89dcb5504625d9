"""The published sets' widths, for classes built at full size with weights of no meaning."""

from tasks.rendering.toyparts import ToyWidths

FULL = ToyWidths(
    native_size=1024,
    unet_blocks=(320, 640, 1280),
    unet_heads=(5, 10, 20),
    unet_transformers=(1, 2, 10),
    norm_groups=32,
    cross_dim=2048,
    time_id_dim=256,
    control_channels=(16, 32, 96, 256),
    text_hidden=4096,
    text_layers=28,
    text_ffn=13696,
    text_heads=32,
    text_groups=2,
    text_kv=128,
    vae_blocks=(128, 256, 512, 512),
    vae_layers=2,
    vae_groups=32,
    clip_hidden=1024,
    clip_layers=24,
    clip_heads=16,
    clip_image=336,
    clip_projection=768,
    ip_hidden=2048,
    ip_heads=12,
    ip_queries=16,
)
