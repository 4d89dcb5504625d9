"""Blender objects out of curves: lathed, swept, lofted, extruded. Faces carry UV, so that prints follow them."""

from collections.abc import Sequence

import bpy
import numpy as np

from catalogs.drawing.geometry import Points, resample


def grid_mesh(
    name: str, rows: Points, material: bpy.types.Material, *, wrap_u: bool, wrap_v: bool = False, cap: bool = False
) -> bpy.types.Object:
    """A surface from a (v, u, 3) array of points; `wrap_u` closes each row, `wrap_v` joins last row to first."""
    count_v, count_u, _ = rows.shape
    vertices = rows.reshape(-1, 3)
    faces: list[tuple[int, ...]] = []
    uvs: list[tuple[float, float]] = []
    last_u, last_v = count_u - (0 if wrap_u else 1), count_v - (0 if wrap_v else 1)
    for v in range(last_v):
        for u in range(last_u):
            v2, u2 = (v + 1) % count_v, (u + 1) % count_u
            faces.append((v * count_u + u, v * count_u + u2, v2 * count_u + u2, v2 * count_u + u))
            u0, u1, v0, v1 = u / last_u, (u + 1) / last_u, v / last_v, (v + 1) / last_v
            uvs.extend([(u0, v0), (u1, v0), (u1, v1), (u0, v1)])
    if cap:
        faces.append(tuple(reversed(range(count_u))))
        faces.append(tuple((count_v - 1) * count_u + u for u in range(count_u)))
        uvs.extend([(0.0, 0.0)] * (2 * count_u))
    return mesh(name, vertices, faces, material, uvs=uvs)


def mesh(
    name: str,
    vertices: Points,
    faces: Sequence[tuple[int, ...]],
    material: bpy.types.Material,
    *,
    uvs: Sequence[tuple[float, float]] = (),
    smooth: bool = True,
) -> bpy.types.Object:
    """One object in the scene with one material; `uvs` are per face corner, in the order of the faces."""
    data = bpy.data.meshes.new(name)
    data.from_pydata([tuple(map(float, v)) for v in vertices], [], list(faces))
    if uvs:
        layer = data.uv_layers.new(name="UVMap")
        layer.data.foreach_set("uv", np.asarray(uvs, dtype=np.float32).ravel())
    data.validate()
    data.update()
    if smooth:
        data.shade_smooth()
    return place(name, data, material)


def place(name: str, data: bpy.types.ID, material: bpy.types.Material) -> bpy.types.Object:
    """Link object data into the scene and give it its material."""
    thing = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(thing)
    if material is not None:
        data.materials.append(material)
    return thing


def lathe(name: str, profile: Points, material: bpy.types.Material, *, steps: int = 160) -> bpy.types.Object:
    """Turn a (radius, height) profile around z. UV: u once around with 0.5 facing -y, v by height (0 bottom, 1 top)."""
    angle = np.linspace(0, 2 * np.pi, steps, endpoint=False) + np.pi / 2
    radius = np.maximum(profile[:, :1], 1e-4)
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    z = np.repeat(profile[:, 1:2], steps, axis=1)
    thing = grid_mesh(name, np.stack([x, y, z], axis=2), material, wrap_u=True)
    low, high = profile[:, 1].min(), profile[:, 1].max()
    _height_as_v(thing, float(low), float(high))
    return thing


def _height_as_v(thing: bpy.types.Object, low: float, high: float) -> None:
    data = thing.data
    uv = np.empty(len(data.loops) * 2, dtype=np.float32)
    data.uv_layers[0].data.foreach_get("uv", uv)
    index = np.empty(len(data.loops), dtype=np.int32)
    data.loops.foreach_get("vertex_index", index)
    z = np.array([v.co.z for v in data.vertices])
    uv[1::2] = (z[index] - low) / (high - low)
    data.uv_layers[0].data.foreach_set("uv", uv)


def sweep(
    name: str,
    path: Points,
    section: Points,
    material: bpy.types.Material,
    *,
    up: tuple[float, float, float] = (0, 1, 0),
    closed: bool = False,
    scale: Points | None = None,
) -> bpy.types.Object:
    """Carry a 2D section along a 3D path; the section's y points along `up` (made square to the path), its x across."""
    tangent = np.gradient(path, axis=0)
    if closed:
        tangent = np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    side = np.cross(tangent, np.array(up, dtype=float))
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    upward = np.cross(side, tangent)
    size = np.ones(len(path)) if scale is None else np.asarray(scale)
    rows = (
        path[:, None, :]
        + side[:, None, :] * section[None, :, 0:1] * size[:, None, None]
        + upward[:, None, :] * section[None, :, 1:2] * size[:, None, None]
    )
    return grid_mesh(name, rows, material, wrap_u=True, wrap_v=closed, cap=not closed)


def tube(
    name: str, path: Points, radius: float, material: bpy.types.Material, *, closed: bool = False
) -> bpy.types.Object:
    """A round wire of the given radius along a path, with round ends."""
    curve = bpy.data.curves.new(name, "CURVE")
    curve.dimensions = "3D"
    curve.bevel_depth, curve.bevel_resolution, curve.use_fill_caps = radius, 8, True
    line = curve.splines.new("POLY")
    line.points.add(len(path) - 1)
    for point, (x, y, z) in zip(line.points, path, strict=True):
        point.co = (x, y, z, 1)
    line.use_cyclic_u = closed
    line.use_smooth = True
    return place(name, curve, material)


def plate(
    name: str, outlines: Sequence[Points], depth: float, bevel: float, material: bpy.types.Material
) -> bpy.types.Object:
    """A flat piece in the xy plane from closed outlines (later ones inside earlier ones are holes), edges rounded."""
    curve = bpy.data.curves.new(name, "CURVE")
    curve.dimensions, curve.fill_mode = "2D", "BOTH"
    curve.extrude, curve.bevel_depth, curve.bevel_resolution = max(depth / 2 - bevel, 0), bevel, 6
    curve.offset = -bevel
    for outline in outlines:
        line = curve.splines.new("POLY")
        line.points.add(len(outline) - 1)
        for point, (x, y) in zip(line.points, outline, strict=True):
            point.co = (x, y, 0, 1)
        line.use_cyclic_u = True
    return place(name, curve, material)


def block(name: str, size: tuple[float, float, float], bevel: float, material: bpy.types.Material) -> bpy.types.Object:
    """A box around the origin with rounded edges."""
    x, y, z = (side / 2 for side in size)
    corners = np.array([(a, b, c) for a in (-x, x) for b in (-y, y) for c in (-z, z)])
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    thing = mesh(name, corners, faces, material)
    modifier = thing.modifiers.new("bevel", "BEVEL")
    modifier.width, modifier.segments, modifier.harden_normals = bevel, 8, True
    thing.modifiers.new("normals", "WEIGHTED_NORMAL").keep_sharp = True
    return thing


def tower(name: str, outline: Points, profile: Points, material: bpy.types.Material) -> bpy.types.Object:
    """Carry an outline up: a profile row is (x scale, y scale, z). UV as for `lathe`, u by length of the outline."""
    ring = resample(np.vstack([outline, outline[:1]]), 200, closed=True)
    start = int(np.argmax(ring[:, 1] - 10 * np.abs(ring[:, 0])))
    ring = np.roll(ring, -start, axis=0)
    rows = np.array([np.column_stack([ring * [sx, sy], np.full(len(ring), z)]) for sx, sy, z in profile])
    thing = grid_mesh(name, rows, material, wrap_u=True)
    _height_as_v(thing, float(profile[:, 2].min()), float(profile[:, 2].max()))
    return thing


def patch(name: str, size: tuple[float, float], material: bpy.types.Material) -> bpy.types.Object:
    """A rectangle in the xz plane around the origin, facing -y, UV from corner to corner: for decals."""
    x, z = size[0] / 2, size[1] / 2
    corners = np.array([(-x, 0, -z), (x, 0, -z), (x, 0, z), (-x, 0, z)])
    return mesh(name, corners, [(0, 1, 2, 3)], material, uvs=[(0, 0), (1, 0), (1, 1), (0, 1)])


def ball(name: str, radii: tuple[float, float, float], material: bpy.types.Material) -> bpy.types.Object:
    """An ellipsoid around the origin."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, 64)
    thing = lathe(name, np.column_stack([np.cos(angle), np.sin(angle)]), material, steps=96)
    thing.scale = radii
    return thing


def move(
    thing: bpy.types.Object, *, to: tuple[float, float, float] = (0, 0, 0), turn: tuple[float, float, float] = (0, 0, 0)
) -> bpy.types.Object:
    """Put an object somewhere, turned by degrees around x, y and z."""
    thing.location = to
    thing.rotation_euler = tuple(np.radians(turn))
    return thing


def subdivide(thing: bpy.types.Object, levels: int = 2) -> bpy.types.Object:
    """Smooth a coarse surface by Catmull-Clark."""
    modifier = thing.modifiers.new("subdivide", "SUBSURF")
    modifier.levels = modifier.render_levels = levels
    return thing


def thicken(
    thing: bpy.types.Object, thickness: float, *, inward: bool = True, inner_material: int = 0
) -> bpy.types.Object:
    """Give a sheet a thickness; `inner_material` offsets the material slot of its far side."""
    modifier = thing.modifiers.new("thicken", "SOLIDIFY")
    modifier.thickness, modifier.offset = thickness, -1 if inward else 1
    modifier.material_offset = inner_material
    return thing
