/* Greets everyone that a configuration file names.
 *
 * The file has lines "greeting TEXT" and "name TEXT"; each name is greeted
 * with the greeting above it. Empty lines and lines that begin with '#' are
 * ignored.
 */
#include <stdio.h>
#include <string.h>

/* Returns the text after "KEY " if the line begins with it, else NULL. */
static const char *value_of(const char *line, const char *key)
{
    size_t length = strlen(key);

    if (strncmp(line, key, length) != 0 || line[length] != ' ')
        return NULL;
    return line + length + 1;
}

int main(int argc, char **argv)
{
    char line[256];
    char greeting[256] = "Hello";
    const char *value;
    FILE *file;

    if (argc != 2) {
        fprintf(stderr, "Usage: %s CONFIGURATION\n", argv[0]);
        return 2;
    }
    file = fopen(argv[1], "r");
    if (file == NULL) {
        perror(argv[1]);
        return 1;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '\0' || line[0] == '#')
            continue;
        if ((value = value_of(line, "greeting")) != NULL) {
            strcpy(greeting, value);
        } else if ((value = value_of(line, "name")) != NULL) {
            printf("%s, %s!\n", greeting, value);
        } else {
            fprintf(stderr, "%s: cannot understand '%s'\n", argv[1], line);
            fclose(file);
            return 1;
        }
    }
    fclose(file);
    return 0;
}
