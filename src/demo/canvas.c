/* See canvas.h. */
#include "demo/canvas.h"

#include <errno.h>

#define WIDTH 860.0

FILE *canvas_open(const char *file, double height, const char *title, const char *subtitle)
{
	FILE *f = fopen(file, "we");

	if (f)
		fprintf(f,
			"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
			"viewBox=\"0 0 %.0f %.0f\" font-family=\"sans-serif\" font-size=\"12\">\n"
			"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
			"<text x=\"%.0f\" y=\"26\" font-size=\"16\" "
			"font-weight=\"bold\">%s</text>\n"
			"<text x=\"%.0f\" y=\"44\" fill=\"#4b5563\">%s</text>\n",
			WIDTH, height, WIDTH, height, CANVAS_LEFT, title, CANVAS_LEFT, subtitle);
	return f;
}

int canvas_close(FILE *f)
{
	int failed;

	fprintf(f, "</svg>\n");
	failed = ferror(f);
	if (fclose(f) == EOF)
		return -errno;
	return failed ? -EIO : 0;
}

double canvas_x(const struct canvas_plot *plot, double seconds)
{
	return CANVAS_LEFT + CANVAS_PLOT * (seconds > plot->seconds ? 1 : seconds / plot->seconds);
}

double canvas_y(const struct canvas_plot *plot, double value)
{
	return plot->top + plot->height * (value > plot->most ? 0 : 1 - value / plot->most);
}

void canvas_axes(FILE *f, const struct canvas_plot *plot, double step, const char *unit)
{
	double each = plot->seconds > 10 ? 2 : 1;

	for (double value = 0; value <= plot->most; value += step)
		fprintf(f,
			"<line x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>"
			"<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\" "
			"fill=\"#4b5563\">%.0f</text>\n",
			CANVAS_LEFT, CANVAS_LEFT + CANVAS_PLOT, canvas_y(plot, value),
			canvas_y(plot, value), value > 0 ? "#e5e7eb" : "#9ca3af", CANVAS_LEFT - 6,
			canvas_y(plot, value) + 4, value);
	fprintf(f,
		"<text transform=\"translate(18,%.0f) rotate(-90)\" text-anchor=\"middle\" "
		"fill=\"#4b5563\">%s</text>\n",
		plot->top + plot->height / 2, unit);
	for (double s = 0; s <= plot->seconds; s += each)
		fprintf(f,
			"<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" "
			"fill=\"#4b5563\">%.0f s</text>\n",
			canvas_x(plot, s), plot->top + plot->height + 16, s);
}

void canvas_heading(FILE *f, const struct canvas_plot *plot, const char *left, const char *right)
{
	fprintf(f,
		"<text x=\"%.0f\" y=\"%.0f\" font-weight=\"bold\">%s</text>"
		"<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">%s</text>\n",
		CANVAS_LEFT, plot->top - 10, left, CANVAS_LEFT + CANVAS_PLOT, plot->top - 10,
		right);
}

void canvas_event(FILE *f, const struct canvas_plot *plot, double seconds, const char *what)
{
	double x = canvas_x(plot, seconds);

	fprintf(f,
		"<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" y2=\"%.0f\" stroke=\"%s\" "
		"stroke-width=\"2\" stroke-dasharray=\"5,3\"/>"
		"<text x=\"%.1f\" y=\"%.0f\" fill=\"%s\">%s</text>\n",
		x, x, plot->top, plot->top + plot->height, CANVAS_EVENT, x + 5, plot->top + 12,
		CANVAS_EVENT, what);
}

void canvas_level(FILE *f, const struct canvas_plot *plot, double value, const char *what)
{
	double y = canvas_y(plot, value);

	fprintf(f,
		"<line x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#9ca3af\" "
		"stroke-dasharray=\"2,3\"/>"
		"<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\" fill=\"#4b5563\">%s</text>\n",
		CANVAS_LEFT, CANVAS_LEFT + CANVAS_PLOT, y, y, CANVAS_LEFT + CANVAS_PLOT, y - 4,
		what);
}

void canvas_line_begin(FILE *f, const char *colour)
{
	fprintf(f,
		"<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" "
		"stroke-linejoin=\"round\" points=\"",
		colour);
}

void canvas_line_point(FILE *f, const struct canvas_plot *plot, double seconds, double value)
{
	fprintf(f, "%.1f,%.1f ", canvas_x(plot, seconds), canvas_y(plot, value));
}

void canvas_line_end(FILE *f)
{
	fprintf(f, "\"/>\n");
}

void canvas_legend(FILE *f, double y, double slot, const char *colour, const char *what)
{
	fprintf(f,
		"<rect x=\"%.0f\" y=\"%.0f\" width=\"12\" height=\"12\" fill=\"%s\"/>"
		"<text x=\"%.0f\" y=\"%.0f\">%s</text>\n",
		CANVAS_LEFT + slot, y - 10, colour, CANVAS_LEFT + slot + 18, y, what);
}
