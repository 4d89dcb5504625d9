"""The sizes of kolors-nano."""

from tasks.rendering.toyparts import ToyWidths

GUIDANCE = 2.2  # with which the set draws; 5, as with Kolors, burns its colours, and at 3 a pale pink turns loud

# Text is looked at in the coarsest level alone: 256 tokens at every level would cost more than the rest of the net.
NANO = ToyWidths(
    native_size=256,
    unet_blocks=(32, 64, 128),
    unet_heads=(1, 2, 4),
    unet_transformers=(1, 1, 1),
    unet_layers=1,
    unet_down=("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
    unet_up=("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
    norm_groups=8,
    cross_dim=96,
    time_id_dim=8,
    control_channels=(8, 8, 16, 32),
    text_hidden=96,
    text_layers=2,
    text_ffn=192,
    text_heads=3,
    text_groups=1,
    text_kv=32,
    vocabulary=1200,
    vae_blocks=(16, 16, 32, 64),
    vae_layers=1,
    vae_groups=1,  # see vae_start
    vae_attention=False,
    clip_hidden=64,
    clip_layers=2,
    clip_heads=4,
    clip_image=64,
    clip_patch=8,
    clip_projection=32,
    ip_hidden=64,
    ip_heads=1,
    ip_queries=8,
)
