"""Charts: plain values in, a Plotly figure dict or SVG text out."""
