const shownRows = 25;

/** Sorts a table by a click on a heading; a long table begins with its first rows. */
export function sortableTable(id) {
  const table = document.getElementById(id);
  const body = table.tBodies[0];
  const more = document.getElementById(`${id}-more`);
  let open = body.rows.length <= shownRows + 5;
  const cut = () => {
    [...body.rows].forEach((row, i) => {
      row.hidden = !open && i >= shownRows;
    });
    if (more !== null) more.hidden = open;
  };
  more?.addEventListener('click', () => {
    open = true;
    cut();
  });
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    heading.querySelector('button').addEventListener('click', () => {
      const numeric = heading.classList.contains('n');
      const now = heading.getAttribute('aria-sort');
      const direction = now === null ? (numeric ? 'descending' : 'ascending') : now === 'ascending' ? 'descending' : 'ascending';
      for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort');
      heading.setAttribute('aria-sort', direction);
      const sign = direction === 'ascending' ? 1 : -1;
      const value = (row) => row.cells[column].dataset.v;
      const rows = [...body.rows].sort(
        (a, b) => sign * (numeric ? Number(value(a)) - Number(value(b)) : value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0),
      );
      body.append(...rows);
      cut();
    });
  });
  cut();
}
