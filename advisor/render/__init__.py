"""The forms of a report beside the page: HTML, Markdown, and tables for a spreadsheet."""
