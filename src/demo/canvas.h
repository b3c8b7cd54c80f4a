/* An SVG with plots in it: axes, lines, marks, legend. Knows nothing of what is drawn. */
#ifndef BRI_DEMO_CANVAS_H
#define BRI_DEMO_CANVAS_H

#include <stdio.h>

#define CANVAS_LEFT 64.0
#define CANVAS_PLOT 776.0 /* width of a plot */

#define CANVAS_WLAN   "#3b82f6"
#define CANVAS_WWAN   "#f59e0b"
#define CANVAS_BRAIDD "#059669"
#define CANVAS_KERNEL "#d946ef"
#define CANVAS_PLAIN  "#6b7280"
#define CANVAS_EVENT  "#dc2626"

/* One plot: where it is, and what its axes mean. */
struct canvas_plot {
	double top, height;
	double seconds, most; /* at the right end; at the top */
};

/* canvas_open(): NULL with errno. The subtitle is one line below the title. */
FILE *canvas_open(const char *file, double height, const char *title, const char *subtitle);
int canvas_close(FILE *f); /* 0 or -errno */

double canvas_x(const struct canvas_plot *plot, double seconds);
double canvas_y(const struct canvas_plot *plot, double value);

/* canvas_axes(): a line each `step`, and a label for each second or two. */
void canvas_axes(FILE *f, const struct canvas_plot *plot, double step, const char *unit);
/* canvas_heading(): over a plot: in bold on the left, plain on the right. */
void canvas_heading(FILE *f, const struct canvas_plot *plot, const char *left, const char *right);
void canvas_event(FILE *f, const struct canvas_plot *plot, double seconds, const char *what);
/* canvas_level(): a dashed horizontal line with its name. */
void canvas_level(FILE *f, const struct canvas_plot *plot, double value, const char *what);
/* canvas_line_*(): a line through points; ended by canvas_line_end(). */
void canvas_line_begin(FILE *f, const char *colour);
void canvas_line_point(FILE *f, const struct canvas_plot *plot, double seconds, double value);
void canvas_line_end(FILE *f);
/* canvas_legend(): entries of a row at y, from left to right: `slot` counts in pixels. */
void canvas_legend(FILE *f, double y, double slot, const char *colour, const char *what);

#endif
