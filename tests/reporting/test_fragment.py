from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from analysis.reporting.fragment import CLOSING, closing_of, fragment_of


def html_of(*outputs, source="secret_code()"):
    cells = [new_markdown_cell("an author's note"), new_code_cell(source, outputs=list(outputs))]
    return fragment_of(new_notebook(cells=cells))


def display(html, **metadata):
    return new_output("display_data", {"text/html": html, "text/plain": "plain"}, metadata=metadata)


def test_html_outputs_reach_the_page_and_nothing_else_does():
    error = new_output("error", ename="ValueError", evalue="/home/me", traceback=["/home/me/x.py"])
    stream = new_output("stream", name="stderr", text="a warning with /a/path")
    printed = new_output("stream", name="stdout", text="printed")
    html = html_of(display("<p>shown</p>"), stream, printed, error)
    assert "<p>shown</p>" in html
    for hidden in ("secret_code", "author", "warning", "printed", "/home/me", "plain"):
        assert hidden not in html


def test_headings_move_one_level_down_since_the_page_has_the_first():
    html = html_of(display('<h1 class="rl-question">Q</h1><h2>S</h2>'))
    assert '<h2 class="rl-question">Q</h2><h3>S</h3>' in html
    assert "<h1" not in html


def test_the_style_for_jupyterlab_stays_there():
    assert "color" not in html_of(display("<style>p {color: red}</style>", **{"retention-lab": {"role": "style"}}))


def test_scripts_are_dropped():
    assert "<script" not in html_of(display("<p>x</p><SCRIPT src='https://x'>alert(1)</SCRIPT >")).lower()


def test_what_belongs_to_the_end_of_the_page_is_kept_apart_with_its_headings_as_they_are():
    closing = display("<h2>Files</h2>", **{"retention-lab": {"role": CLOSING}})
    book = new_notebook(cells=[new_code_cell("1", outputs=[closing, display("<h1>Q</h1>")])])
    assert "Files" not in fragment_of(book)
    assert closing_of(book) == '<section class="rl-section">\n<h2>Files</h2>\n</section>'
    assert closing_of(new_notebook(cells=[])) == ""


def test_a_notebook_that_showed_nothing_is_an_empty_section():
    assert html_of() == '<section class="rl-section">\n\n</section>'
