/* What keys do to the live view of `braid monitor`. Does no I/O. */
#include <string.h>
#include "cli/monitor_screen.h"

#define ESCAPE 27

enum key { KEY_NONE, KEY_UP, KEY_DOWN, KEY_PAGE_UP, KEY_PAGE_DOWN, KEY_HOME, KEY_END, KEY_ESCAPE };

/* A sequence of the usual terminals (ECMA-48 CSI, and SS3 for keypad mode): its length. */
static size_t sequence(const char *bytes, size_t n, enum key *ret)
{
	size_t used = 2;

	*ret = KEY_NONE;
	if (n < 2 || (bytes[1] != '[' && bytes[1] != 'O')) {
		*ret = KEY_ESCAPE;
		return 1;
	}
	while (used < n && bytes[used] >= 0x20 && bytes[used] < 0x40)
		used++;
	if (used == n)
		return n;
	switch (bytes[used]) {
	case 'A': *ret = KEY_UP; break;
	case 'B': *ret = KEY_DOWN; break;
	case 'H': *ret = KEY_HOME; break;
	case 'F': *ret = KEY_END; break;
	case '~':
		switch (bytes[2]) {
		case '1':
		case '7': *ret = KEY_HOME; break;
		case '4':
		case '8': *ret = KEY_END; break;
		case '5': *ret = KEY_PAGE_UP; break;
		case '6': *ret = KEY_PAGE_DOWN; break;
		default: break;
		}
		break;
	default: break;
	}
	return used + 1;
}

static void move(struct bri_screen_view *view, enum key key)
{
	size_t page = view->page > 1 ? view->page - 1 : 1;

	switch (key) {
	case KEY_UP: view->scroll -= view->scroll > 0; break;
	case KEY_DOWN: view->scroll++; break;
	case KEY_PAGE_UP: view->scroll -= bri_min_size(view->scroll, page); break;
	case KEY_PAGE_DOWN: view->scroll += page; break;
	case KEY_HOME: view->scroll = 0; break;
	case KEY_END: view->scroll = SIZE_MAX / 2; break;
	case KEY_NONE:
	case KEY_ESCAPE: break;
	}
}

static void stop_editing(struct bri_screen_view *view, bool keep)
{
	view->editing = false;
	view->scroll = 0;
	if (!keep)
		memcpy(view->filter, view->before, sizeof(view->filter));
}

/* A character of several bytes goes as a whole. */
static void erase(char *text)
{
	size_t n = strlen(text);

	while (n > 0 && ((unsigned char)text[n - 1] & 0xc0) == 0x80)
		n--;
	text[n > 0 ? n - 1 : 0] = 0;
}

static void edit(struct bri_screen_view *view, char c)
{
	size_t n = strlen(view->filter);

	if (c == '\r' || c == '\n') {
		stop_editing(view, true);
	} else if (c == 127 || c == 8) {
		erase(view->filter);
	} else if (c == 21) { /* Ctrl-U */
		view->filter[0] = 0;
	} else if ((unsigned char)c >= 0x20 && n + 1 < sizeof(view->filter)) {
		view->filter[n] = c;
		view->filter[n + 1] = 0;
	}
}

static enum bri_screen_key command(struct bri_screen_view *view, char c)
{
	switch (c) {
	case 'q':
	case 'Q':
	case 3: return BRI_SCREEN_QUIT;
	case '/':
		view->editing = true;
		memcpy(view->before, view->filter, sizeof(view->before));
		break;
	case 'k': move(view, KEY_UP); break;
	case 'j': move(view, KEY_DOWN); break;
	case 'b': move(view, KEY_PAGE_UP); break;
	case ' ':
	case 'f': move(view, KEY_PAGE_DOWN); break;
	case 'g': move(view, KEY_HOME); break;
	case 'G': move(view, KEY_END); break;
	case 'p': view->paused = !view->paused; break;
	case 'r':
	case 12: return BRI_SCREEN_LOOK;
	default: return BRI_SCREEN_NOTHING;
	}
	return BRI_SCREEN_REDRAW;
}

static enum bri_screen_key special(struct bri_screen_view *view, enum key key)
{
	if (key == KEY_NONE)
		return BRI_SCREEN_NOTHING;
	if (key != KEY_ESCAPE) {
		move(view, key);
	} else if (view->editing) {
		stop_editing(view, false);
	} else {
		view->filter[0] = 0;
		view->scroll = 0;
	}
	return BRI_SCREEN_REDRAW;
}

enum bri_screen_key bri_screen_keys(struct bri_screen_view *view, const char *bytes, size_t n)
{
	enum bri_screen_key result = BRI_SCREEN_NOTHING, one;
	size_t at = 0;

	while (at < n && result != BRI_SCREEN_QUIT) {
		if (bytes[at] == ESCAPE) {
			enum key key;

			at += sequence(bytes + at, n - at, &key);
			one = special(view, key);
		} else if (view->editing && bytes[at] != 3) {
			edit(view, bytes[at++]);
			one = BRI_SCREEN_REDRAW;
		} else {
			one = command(view, bytes[at++]);
		}
		if (one > result)
			result = one;
	}
	return result;
}
