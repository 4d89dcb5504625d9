"""Folder and file names of the published repositories, shared by what loads and what looks."""

BASE, INPAINTING, IP_ADAPTER = "Kolors-diffusers", "Kolors-Inpainting", "Kolors-IP-Adapter-Plus"
CONTROLS = {"canny": "Kolors-ControlNet-Canny", "depth": "Kolors-ControlNet-Depth", "pose": "Kolors-ControlNet-Pose"}

IP_ADAPTER_FILE = "ip_adapter_plus_general.safetensors"
IP_ADAPTER_PICKLES = ("ip_adapter_plus_general.bin", "ip_adapter_plus_genernal.bin")  # an early revision's spelling
VISION_FILE, VISION_PICKLE = "model.safetensors", "pytorch_model.bin"

TRAIN_STEPS, BETA_END, SIGMA_MAX = 1100, 0.014, 29.06  # SDXL's 1000, 0.012 and 14.6 run too, and give wrong noise
USABLE = {"F32", "F16", "BF16"}  # types of weights; what is stored is converted to the set's precision
DERIVED = ("inv_freq", "position_ids")  # buffers that some exports store and every class computes
