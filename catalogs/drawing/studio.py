"""The studio: softboxes, camera and film. One product stands at the origin and is framed by what it covers."""

from dataclasses import dataclass, field
from pathlib import Path

import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector
from PIL import Image

from catalogs.drawing.geometry import Points


@dataclass(frozen=True)
class Light:
    """A softbox: direction from the subject (degrees, 0 is the camera's side), size and distance in subject radii."""

    azimuth: float
    elevation: float
    width: float
    height: float
    power: float
    distance: float = 3.2


SOFT = (
    Light(azimuth=-55, elevation=32, width=2.0, height=3.6, power=1.15),
    Light(azimuth=72, elevation=14, width=0.8, height=3.8, power=1.1),
    Light(azimuth=150, elevation=35, width=1.2, height=3.0, power=0.9),
    Light(azimuth=10, elevation=80, width=3.0, height=2.4, power=0.75),
)


@dataclass(frozen=True)
class Shot:
    """How one product is photographed: picture size in pixels, camera angles in degrees, on white or cut out."""

    size: tuple[int, int]
    elevation: float = 9.0
    azimuth: float = 0.0
    on_white: bool = False
    fill: float = 0.86  # share of the frame that the product covers on its tighter side
    world: float = 0.4
    lights: tuple[Light, ...] = field(default=SOFT)
    exposure: float = 0.0
    shadow: float = 0.85  # weight of the contact shadow on white
    glass_below: float | None = None  # share of the height under which clear glass lets the ground through


def clear() -> None:
    """Start from an empty scene."""
    bpy.ops.wm.read_factory_settings(use_empty=True)


def shoot(shot: Shot, *, scale: float, samples: int, work: Path) -> Image.Image:
    """Render what stands in the scene: RGBA, straight alpha; on white the alpha holds product and shadow."""
    scene = bpy.context.scene
    low, high = _bounds()
    centre = (low + high) / 2
    radius = float(np.linalg.norm(high - low)) / 2
    _film(shot, scale=scale, samples=samples)
    _camera(shot, Vector(centre), radius)
    _world(shot.world)
    for light in shot.lights:
        _softbox(light, shot, Vector(centre), radius)
    if shot.on_white:
        _ground(float(low[2]), radius)
    scene.render.filepath = str(work / "frame.png")
    bpy.ops.render.render(write_still=True)
    return Image.open(scene.render.filepath).convert("RGBA")


def _subjects() -> list[bpy.types.Object]:
    return [o for o in bpy.context.scene.objects if o.type in ("MESH", "CURVE")]


def _corners() -> Points:
    """World positions of everything the camera should see, modifiers applied."""
    graph = bpy.context.evaluated_depsgraph_get()
    found = []
    for thing in _subjects():
        evaluated = thing.evaluated_get(graph)
        data = evaluated.to_mesh()
        flat = np.empty(len(data.vertices) * 3, dtype=np.float32)
        data.vertices.foreach_get("co", flat)
        matrix = np.array(evaluated.matrix_world)
        found.append(flat.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3])
        evaluated.to_mesh_clear()
    return np.vstack(found)


def _bounds() -> tuple[Points, Points]:
    corners = _corners()
    return corners.min(axis=0), corners.max(axis=0)


def _direction(azimuth: float, elevation: float) -> Vector:
    a, e = np.radians(azimuth), np.radians(elevation)
    return Vector((np.sin(a) * np.cos(e), -np.cos(a) * np.cos(e), np.sin(e)))


def _film(shot: Shot, *, scale: float, samples: int) -> None:
    scene = bpy.context.scene
    render, cycles = scene.render, scene.cycles
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y = (round(side * scale) for side in shot.size)
    render.resolution_percentage, render.film_transparent = 100, True
    render.threads_mode, render.threads = "FIXED", 2
    render.image_settings.file_format, render.image_settings.color_mode = "PNG", "RGBA"
    cycles.samples, cycles.seed, cycles.use_adaptive_sampling = samples, 0, True
    cycles.adaptive_min_samples, cycles.adaptive_threshold = 4, 0.06
    cycles.use_denoising, cycles.denoiser = True, "OPENIMAGEDENOISE"
    cycles.film_transparent_glass, cycles.blur_glossy = False, 0.5
    cycles.diffuse_bounces, cycles.glossy_bounces = 2, 4
    cycles.max_bounces, cycles.transmission_bounces, cycles.transparent_max_bounces = 12, 12, 12
    cycles.sample_clamp_indirect = 4.0
    cycles.denoising_prefilter, cycles.denoising_quality = "FAST", "BALANCED"
    scene.view_settings.view_transform, scene.view_settings.exposure = "Standard", shot.exposure


def _camera(shot: Shot, centre: Vector, radius: float) -> None:
    """Aim at the centre from seven radii, then zoom and shift so that the product fills its share of the frame."""
    scene = bpy.context.scene
    data = bpy.data.cameras.new("camera")
    camera = bpy.data.objects.new("camera", data)
    scene.collection.objects.link(camera)
    scene.camera = camera
    camera.location = centre + _direction(shot.azimuth, shot.elevation) * radius * 7
    camera.rotation_euler = (centre - camera.location).to_track_quat("-Z", "Y").to_euler()
    data.lens, data.clip_end = 85, radius * 50
    bpy.context.view_layer.update()
    corners = _corners()
    seen = np.array(
        [world_to_camera_view(scene, camera, Vector(c))[:2] for c in corners[:: max(len(corners) // 6000, 1)]]
    )
    low, high = seen.min(axis=0), seen.max(axis=0)
    zoom = shot.fill / float((high - low).max())
    width, height = shot.size
    data.lens *= zoom
    middle = (low + high) / 2 - 0.5
    longest = max(width, height)
    data.shift_x = float(middle[0]) * zoom * width / longest
    data.shift_y = float(middle[1]) * zoom * height / longest


def _world(strength: float) -> None:
    world = bpy.data.worlds.new("world")
    bpy.context.scene.world = world
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (1, 1, 1, 1)
    world.node_tree.nodes["Background"].inputs["Strength"].default_value = strength


def _softbox(light: Light, shot: Shot, centre: Vector, radius: float) -> None:
    data = bpy.data.lights.new("softbox", "AREA")
    data.shape, data.size, data.size_y = "RECTANGLE", light.width * radius, light.height * radius
    # radiance times area: the same brightness at any size of product
    data.energy = light.power * 9.0 * data.size * data.size_y
    box = bpy.data.objects.new("softbox", data)
    bpy.context.scene.collection.objects.link(box)
    box.location = centre + _direction(shot.azimuth + light.azimuth, light.elevation) * radius * light.distance
    box.rotation_euler = (centre - box.location).to_track_quat("-Z", "Y").to_euler()
    box.visible_camera = False


def _ground(height: float, radius: float) -> None:
    data = bpy.data.meshes.new("ground")
    reach = radius * 30
    data.from_pydata(
        [(-reach, -reach, height), (reach, -reach, height), (reach, reach, height), (-reach, reach, height)],
        [],
        [(0, 1, 2, 3)],
    )
    ground = bpy.data.objects.new("ground", data)
    bpy.context.scene.collection.objects.link(ground)
    material = bpy.data.materials.new("ground")
    material.use_nodes = True
    material.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (0.9, 0.9, 0.9, 1)
    data.materials.append(material)
    ground.is_shadow_catcher = True
