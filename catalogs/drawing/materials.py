"""What things are made of: Principled surfaces with bumps, weaves and prints."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy


@dataclass(frozen=True)
class Look:
    """A surface: linear RGB colour (0..1) and the Principled inputs that matter for pack shots."""

    color: tuple[float, float, float]
    roughness: float = 0.4
    metallic: float = 0.0
    transmission: float = 0.0
    ior: float = 1.5
    coat: float = 0.0
    sheen: float = 0.0
    subsurface: float = 0.0
    anisotropic: float = 0.0


def srgb(code: str) -> tuple[float, float, float]:
    """Linear RGB of a colour written as #rrggbb (IEC 61966-2-1)."""
    values = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return red, green, blue


def surface(name: str, look: Look) -> bpy.types.Material:
    """A material with this look and nothing else."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    dress(material.node_tree.nodes["Principled BSDF"], look)
    return material


def dress(node: bpy.types.Node, look: Look) -> None:
    """Set a Principled node's inputs."""
    values = {
        "Base Color": (*look.color, 1.0),
        "Roughness": look.roughness,
        "Metallic": look.metallic,
        "Transmission Weight": look.transmission,
        "IOR": look.ior,
        "Coat Weight": look.coat,
        "Coat Roughness": 0.05,
        "Sheen Weight": look.sheen,
        "Subsurface Weight": look.subsurface,
        "Anisotropic": look.anisotropic,
    }
    for key, value in values.items():
        node.inputs[key].default_value = value
    if look.subsurface:
        node.inputs["Subsurface Radius"].default_value = (0.4, 0.25, 0.2)
        node.inputs["Subsurface Scale"].default_value = 0.15


def bump(
    material: bpy.types.Material,
    texture: str,
    *,
    scale: float,
    strength: float,
    stretch: tuple[float, float, float] = (1, 1, 1),
    coordinates: str = "Object",
    distance: float = 0.02,
    detail: float = 4.0,
) -> bpy.types.Material:
    """Roughen every Principled node by a height: NOISE, VORONOI (leather), WAVE or WEAVE (cloth)."""
    nodes, links = material.node_tree.nodes, material.node_tree.links
    where = nodes.new("ShaderNodeMapping")
    where.inputs["Scale"].default_value = stretch
    links.new(nodes.new("ShaderNodeTexCoord").outputs[coordinates], where.inputs["Vector"])
    height = _height(material, texture, where.outputs["Vector"], scale=scale, detail=detail)
    node = nodes.new("ShaderNodeBump")
    node.inputs["Strength"].default_value, node.inputs["Distance"].default_value = strength, distance
    links.new(height, node.inputs["Height"])
    for principled in [n for n in nodes if n.type == "BSDF_PRINCIPLED"]:
        held = principled.inputs["Normal"].links
        if held:
            links.new(held[0].from_socket, node.inputs["Normal"])
        links.new(node.outputs["Normal"], principled.inputs["Normal"])
    return material


def _height(
    material: bpy.types.Material, texture: str, vector: bpy.types.NodeSocket, *, scale: float, detail: float
) -> bpy.types.NodeSocket:
    nodes, links = material.node_tree.nodes, material.node_tree.links
    if texture == "WEAVE":
        waves = []
        for direction in ("X", "Y"):
            wave = nodes.new("ShaderNodeTexWave")
            wave.bands_direction = direction
            wave.inputs["Scale"].default_value = scale
            links.new(vector, wave.inputs["Vector"])
            waves.append(wave.outputs["Fac"])
        both = nodes.new("ShaderNodeMath")
        both.operation = "MULTIPLY"
        links.new(waves[0], both.inputs[0])
        links.new(waves[1], both.inputs[1])
        return both.outputs[0]
    kinds = {"NOISE": "ShaderNodeTexNoise", "VORONOI": "ShaderNodeTexVoronoi", "WAVE": "ShaderNodeTexWave"}
    node = nodes.new(kinds[texture])
    node.inputs["Scale"].default_value = scale
    if texture == "NOISE":
        node.inputs["Detail"].default_value = detail
    links.new(vector, node.inputs["Vector"])
    return node.outputs["Distance" if texture == "VORONOI" else "Fac"]


def speckle(
    material: bpy.types.Material, *, scale: float, color: tuple[float, float, float], amount: float
) -> bpy.types.Material:
    """Scatter small dots of a second colour over the base colour, as in a stoneware glaze or dyed wool."""
    nodes, links = material.node_tree.nodes, material.node_tree.links
    principled = nodes["Principled BSDF"]
    noise = nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value, noise.inputs["Detail"].default_value = scale, 2.0
    links.new(nodes.new("ShaderNodeTexCoord").outputs["Object"], noise.inputs["Vector"])
    ramp = nodes.new("ShaderNodeValToRGB")
    ramp.color_ramp.elements[0].position = 1 - amount
    ramp.color_ramp.elements[1].position = min(1 - amount + 0.04, 1)
    links.new(noise.outputs["Fac"], ramp.inputs["Fac"])
    return _mix_color(material, principled, ramp.outputs["Color"], color)


def grain(
    material: bpy.types.Material,
    *,
    scale: float,
    color: tuple[float, float, float],
    stretch: tuple[float, float, float],
) -> bpy.types.Material:
    """Blend a second colour in along stretched noise: wood."""
    nodes, links = material.node_tree.nodes, material.node_tree.links
    where = nodes.new("ShaderNodeMapping")
    where.inputs["Scale"].default_value = stretch
    links.new(nodes.new("ShaderNodeTexCoord").outputs["Object"], where.inputs["Vector"])
    noise = nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value, noise.inputs["Detail"].default_value = scale, 8.0
    noise.inputs["Distortion"].default_value = 0.6
    links.new(where.outputs["Vector"], noise.inputs["Vector"])
    return _mix_color(material, nodes["Principled BSDF"], noise.outputs["Fac"], color)


def _mix_color(
    material: bpy.types.Material,
    principled: bpy.types.Node,
    factor: bpy.types.NodeSocket,
    color: tuple[float, float, float],
) -> bpy.types.Material:
    nodes, links = material.node_tree.nodes, material.node_tree.links
    mix = nodes.new("ShaderNodeMix")
    mix.data_type = "RGBA"
    mix.inputs["A"].default_value = principled.inputs["Base Color"].default_value
    colour_a, colour_b = [s for s in mix.inputs if s.type == "RGBA"]
    colour_a.default_value = principled.inputs["Base Color"].default_value
    colour_b.default_value = (*color, 1)
    links.new(factor, mix.inputs["Factor"])
    links.new(next(s for s in mix.outputs if s.type == "RGBA"), principled.inputs["Base Color"])
    return material


def printed(
    name: str,
    ground: Look,
    ink: Look,
    picture: Path,
    *,
    coordinates: str = "UV",
    scale: tuple[float, float, float] = (1, 1, 1),
    offset: tuple[float, float, float] = (0, 0, 0),
    rotation: tuple[float, float, float] = (0, 0, 0),
    raised: float = 0.0,
) -> bpy.types.Material:
    """A surface with a picture printed on it: where the picture's alpha is, `ink` with the picture's colours.

    The picture's coordinate is coordinate * scale + offset, and nothing is printed outside 0..1.
    """
    material = surface(name, ground)
    nodes, links = material.node_tree.nodes, material.node_tree.links
    where = nodes.new("ShaderNodeMapping")
    where.inputs["Scale"].default_value, where.inputs["Location"].default_value = scale, offset
    links.new(nodes.new("ShaderNodeTexCoord").outputs[coordinates], where.inputs["Vector"])
    where.inputs["Rotation"].default_value = tuple(math.radians(degrees) for degrees in rotation)
    image = nodes.new("ShaderNodeTexImage")
    image.image, image.extension, image.interpolation = bpy.data.images.load(str(picture)), "CLIP", "Cubic"
    links.new(where.outputs["Vector"], image.inputs["Vector"])
    inked = nodes.new("ShaderNodeBsdfPrincipled")
    dress(inked, ink)
    links.new(image.outputs["Color"], inked.inputs["Base Color"])
    mix = nodes.new("ShaderNodeMixShader")
    links.new(image.outputs["Alpha"], mix.inputs[0])
    links.new(nodes["Principled BSDF"].outputs[0], mix.inputs[1])
    links.new(inked.outputs[0], mix.inputs[2])
    links.new(mix.outputs[0], nodes["Material Output"].inputs["Surface"])
    if raised:
        relief = nodes.new("ShaderNodeBump")
        relief.inputs["Strength"].default_value, relief.inputs["Distance"].default_value = 1.0, raised
        links.new(image.outputs["Alpha"], relief.inputs["Height"])
        links.new(relief.outputs["Normal"], inked.inputs["Normal"])
        links.new(relief.outputs["Normal"], nodes["Principled BSDF"].inputs["Normal"])
    return material


def window(u: tuple[float, float], v: tuple[float, float]) -> dict[str, Any]:
    """The scale and offset for `printed` that lay the whole picture over this window of the UV square."""
    across, along = u[1] - u[0], v[1] - v[0]
    return {"scale": (1 / across, 1 / along, 1), "offset": (-u[0] / across, -v[0] / along, 0)}


def decal(name: str, ink: Look, picture: Path) -> bpy.types.Material:
    """Only the ink: nothing where the picture is transparent. For a `patch` just above another surface."""
    material = printed(name, Look((1, 1, 1)), ink, picture)
    nodes, links = material.node_tree.nodes, material.node_tree.links
    mix = next(n for n in nodes if n.type == "MIX_SHADER")
    links.new(nodes.new("ShaderNodeBsdfTransparent").outputs[0], mix.inputs[1])
    return material


def glow(name: str, color: tuple[float, float, float], strength: float) -> bpy.types.Material:
    """A surface that shines."""
    material = surface(name, Look(color))
    node = material.node_tree.nodes["Principled BSDF"]
    node.inputs["Emission Color"].default_value, node.inputs["Emission Strength"].default_value = (*color, 1), strength
    return material
