"""What texts are like beside real verse: figures, copies, likeness, and the page that shows them."""
