// The verb control: writes control.yaml for a run that is at work elsewhere.

#include "app.h"

status app_control(const app *a) {
  file_path path = run_path(&a->run, RUN_CONTROL);
  if (control_empty(&a->asked))
    FAIL(USAGE, "control: what is asked? --set stop=true, --set generations=N or --set state=true");
  if (file_exists(path.text))
    FAIL(NO_IO, "%s: nobody has taken the one before yet; wait a second, or remove it", path.text);
  if (!run_locked(&a->run))
    fprintf(stderr, "nobody works in %s, as seen from here; who works there next will take it, if %s is not removed\n",
            a->s.run.directory, path.text);

  text_buffer t = {0};
  control_print(&a->asked, &t);
  status s = file_write(path.text, t.bytes, t.size);
  text_free(&t);
  return s;
}
