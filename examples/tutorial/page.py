# SPDX-License-Identifier: Apache-2.0
"""The hits as a page of pictures, since people would rather look than read. The page links to the
photos where they are."""
import html
import pathlib

HEAD = """<!doctype html>
<meta charset="utf-8">
<title>Hits</title>
<style>
  body { font: 16px/1.4 system-ui, sans-serif; margin: 2rem; }
  section { display: flex; flex-wrap: wrap; gap: 1rem; }
  h2 { width: 100%; margin: 1rem 0 0; font-size: 1.2rem; }
  figure { margin: 0; width: 14rem; }
  img { width: 100%; height: 14rem; object-fit: contain; background: #eee; }
  .question img { outline: 3px solid #36c; }
  figcaption { font-size: .85rem; overflow-wrap: anywhere; }
</style>
"""


def figure(path, caption, kind=""):
    path = pathlib.Path(path).resolve()
    link = html.escape(path.as_uri())
    return (f'<figure class="{kind}"><a href="{link}"><img src="{link}" alt=""></a>'
            f"<figcaption>{html.escape(caption)}</figcaption></figure>\n")


def section(question, found):
    parts = [f"<section><h2>{html.escape(question.shown)}</h2>\n"]
    if question.picture:
        parts.append(figure(question.picture, "searched with this", "question"))
    parts += [figure(hit.filename, f"{hit.score:.3f} {pathlib.Path(hit.filename).name}")
              for hit in found]
    return "".join(parts) + "</section>\n"


def write(path, answers):
    """Writes the page: one section for each (question, hits)."""
    path.write_text(HEAD + "".join(section(*answer) for answer in answers), encoding="utf-8")
