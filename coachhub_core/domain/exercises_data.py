"""
The exercises that ship: common ones, described in this project's own words and by nothing else.

One row each: name | slug | aliases | category | level | force | mechanic | equipment | primary muscles | secondary
muscles. ``-`` stands for "none": a run has no force, and saying so would be a guess. Equipment is a tag of the
vocabulary. A slug is never changed or reused, because an exercise's id comes from it.
"""

from __future__ import annotations

from typing import Final

TABLE: Final = """
Back Squat | back-squat | barbell squat; high bar squat; low bar squat | strength | intermediate | push | compound | barbell | quadriceps, glutes | hamstrings, lower_back
Front Squat | front-squat | barbell front squat | strength | intermediate | push | compound | barbell | quadriceps | glutes, abdominals, middle_back
Overhead Squat | overhead-squat | ohs | olympic_weightlifting | advanced | push | compound | barbell | quadriceps, shoulders | glutes, abdominals, middle_back
Box Squat | box-squat | squat to a box | powerlifting | intermediate | push | compound | barbell | glutes, quadriceps | hamstrings, lower_back
Goblet Squat | goblet-squat | dumbbell goblet squat | strength | beginner | push | compound | dumbbell | quadriceps, glutes | abdominals
Bodyweight Squat | bodyweight-squat | air squat; free squat | strength | beginner | push | compound | none | quadriceps | glutes, hamstrings
Pistol Squat | pistol-squat | single leg squat | strength | advanced | push | compound | none | quadriceps, glutes | hamstrings, abdominals
Bulgarian Split Squat | bulgarian-split-squat | rear foot elevated split squat; rfess | strength | intermediate | push | compound | dumbbell | quadriceps, glutes | hamstrings
Split Squat | split-squat | static lunge | strength | beginner | push | compound | none | quadriceps, glutes | hamstrings
Walking Lunge | walking-lunge | dumbbell walking lunge | strength | beginner | push | compound | dumbbell | quadriceps, glutes | hamstrings, calves
Reverse Lunge | reverse-lunge | backward lunge | strength | beginner | push | compound | dumbbell | glutes, quadriceps | hamstrings
Lateral Lunge | lateral-lunge | side lunge; cossack lunge | strength | beginner | push | compound | none | adductors, quadriceps | glutes
Step-Up | step-up | box step up; weighted step up | strength | beginner | push | compound | dumbbell | quadriceps, glutes | hamstrings
Leg Press | leg-press | sled leg press; 45 degree leg press | strength | beginner | push | compound | machines | quadriceps | glutes, hamstrings
Hack Squat | hack-squat | machine hack squat | strength | intermediate | push | compound | machines | quadriceps | glutes
Leg Extension | leg-extension | quad extension | strength | beginner | push | isolation | machines | quadriceps | -
Lying Leg Curl | lying-leg-curl | prone leg curl; hamstring curl | strength | beginner | pull | isolation | machines | hamstrings | calves
Seated Leg Curl | seated-leg-curl | seated hamstring curl | strength | beginner | pull | isolation | machines | hamstrings | -
Nordic Curl | nordic-curl | nordic hamstring curl; russian leg curl | strength | advanced | pull | isolation | none | hamstrings | glutes, calves
Deadlift | deadlift | conventional deadlift; barbell deadlift | powerlifting | intermediate | pull | compound | barbell | glutes, hamstrings, lower_back | quadriceps, traps, forearms
Sumo Deadlift | sumo-deadlift | wide stance deadlift | powerlifting | intermediate | pull | compound | barbell | glutes, adductors | hamstrings, lower_back, quadriceps
Trap Bar Deadlift | trap-bar-deadlift | hex bar deadlift | strength | beginner | pull | compound | barbell | quadriceps, glutes | hamstrings, traps, lower_back
Romanian Deadlift | romanian-deadlift | rdl | strength | intermediate | pull | compound | barbell | hamstrings, glutes | lower_back, forearms
Dumbbell Romanian Deadlift | dumbbell-romanian-deadlift | dumbbell rdl | strength | beginner | pull | compound | dumbbell | hamstrings, glutes | lower_back
Single-Leg Romanian Deadlift | single-leg-romanian-deadlift | single leg rdl; one leg deadlift | strength | intermediate | pull | compound | dumbbell | hamstrings, glutes | lower_back, abdominals
Rack Pull | rack-pull | block pull; partial deadlift | powerlifting | intermediate | pull | compound | barbell | lower_back, traps | glutes, forearms
Good Morning | good-morning | barbell good morning | strength | intermediate | pull | compound | barbell | hamstrings | lower_back, glutes
Hip Thrust | hip-thrust | barbell hip thrust | strength | intermediate | push | compound | barbell | glutes | hamstrings
Glute Bridge | glute-bridge | hip bridge | strength | beginner | push | compound | none | glutes | hamstrings
Cable Pull-Through | cable-pull-through | pull through | strength | beginner | pull | compound | cable-machine | glutes, hamstrings | lower_back
Back Extension | back-extension | hyperextension; 45 degree back raise | strength | beginner | pull | compound | machines | lower_back | glutes, hamstrings
Hip Abduction | hip-abduction | abductor machine | strength | beginner | push | isolation | machines | abductors | glutes
Hip Adduction | hip-adduction | adductor machine | strength | beginner | pull | isolation | machines | adductors | -
Standing Calf Raise | standing-calf-raise | calf raise | strength | beginner | push | isolation | machines | calves | -
Seated Calf Raise | seated-calf-raise | soleus raise | strength | beginner | push | isolation | machines | calves | -
Single-Leg Calf Raise | single-leg-calf-raise | one leg calf raise | strength | beginner | push | isolation | none | calves | -
Bench Press | bench-press | barbell bench press; flat bench | powerlifting | intermediate | push | compound | barbell | chest | triceps, shoulders
Incline Bench Press | incline-bench-press | incline barbell press | strength | intermediate | push | compound | barbell | chest, shoulders | triceps
Close-Grip Bench Press | close-grip-bench-press | cgbp | strength | intermediate | push | compound | barbell | triceps | chest, shoulders
Dumbbell Bench Press | dumbbell-bench-press | dumbbell press; db bench | strength | beginner | push | compound | dumbbell | chest | triceps, shoulders
Incline Dumbbell Press | incline-dumbbell-press | incline db press | strength | beginner | push | compound | dumbbell | chest, shoulders | triceps
Machine Chest Press | machine-chest-press | chest press | strength | beginner | push | compound | machines | chest | triceps, shoulders
Dumbbell Fly | dumbbell-fly | chest fly; flye | strength | beginner | push | isolation | dumbbell | chest | shoulders
Cable Crossover | cable-crossover | cable fly | strength | beginner | push | isolation | cable-machine | chest | shoulders
Pec Deck | pec-deck | machine fly; butterfly | strength | beginner | push | isolation | machines | chest | shoulders
Push-Up | push-up | press up | strength | beginner | push | compound | none | chest | triceps, shoulders, abdominals
Diamond Push-Up | diamond-push-up | close push up | strength | intermediate | push | compound | none | triceps | chest, shoulders
Dip | dip | parallel bar dip; chest dip | strength | intermediate | push | compound | none | triceps, chest | shoulders
Bench Dip | bench-dip | triceps bench dip | strength | beginner | push | compound | bench | triceps | chest, shoulders
Overhead Press | overhead-press | military press; strict press; ohp; shoulder press | strength | intermediate | push | compound | barbell | shoulders | triceps, abdominals
Push Press | push-press | barbell push press | olympic_weightlifting | intermediate | push | compound | barbell | shoulders | triceps, quadriceps
Split Jerk | split-jerk | jerk | olympic_weightlifting | advanced | push | compound | barbell | shoulders, quadriceps | triceps, glutes
Seated Dumbbell Press | seated-dumbbell-press | dumbbell shoulder press | strength | beginner | push | compound | dumbbell | shoulders | triceps
Arnold Press | arnold-press | rotating dumbbell press | strength | intermediate | push | compound | dumbbell | shoulders | triceps
Landmine Press | landmine-press | half kneeling landmine press | strength | beginner | push | compound | barbell | shoulders | chest, triceps, abdominals
Handstand Push-Up | handstand-push-up | hspu; wall push up | strength | advanced | push | compound | none | shoulders | triceps, traps
Lateral Raise | lateral-raise | side raise; dumbbell lateral raise | strength | beginner | push | isolation | dumbbell | shoulders | traps
Front Raise | front-raise | dumbbell front raise | strength | beginner | push | isolation | dumbbell | shoulders | chest
Reverse Fly | reverse-fly | rear delt fly; bent over lateral raise | strength | beginner | pull | isolation | dumbbell | shoulders | middle_back, traps
Face Pull | face-pull | rope face pull | strength | beginner | pull | compound | cable-machine | shoulders, middle_back | traps
Band Pull-Apart | band-pull-apart | pull apart | strength | beginner | pull | isolation | resistance-band | shoulders, middle_back | traps
Upright Row | upright-row | barbell upright row | strength | intermediate | pull | compound | barbell | shoulders, traps | biceps
Barbell Shrug | barbell-shrug | shrug | strength | beginner | pull | isolation | barbell | traps | forearms
Pull-Up | pull-up | pullup; overhand pull up | strength | intermediate | pull | compound | pull-up-bar | lats | biceps, middle_back, forearms
Chin-Up | chin-up | chinup; underhand pull up | strength | intermediate | pull | compound | pull-up-bar | lats, biceps | middle_back, forearms
Assisted Pull-Up | assisted-pull-up | band pull up; machine pull up | strength | beginner | pull | compound | machines | lats | biceps, middle_back
Muscle-Up | muscle-up | bar muscle up | strength | advanced | pull | compound | pull-up-bar | lats, triceps | chest, shoulders, biceps
Dead Hang | dead-hang | bar hang | strength | beginner | static | isolation | pull-up-bar | forearms | lats, shoulders
Inverted Row | inverted-row | australian pull up; bodyweight row | strength | beginner | pull | compound | none | middle_back, lats | biceps
Lat Pulldown | lat-pulldown | pulldown; wide grip pulldown | strength | beginner | pull | compound | cable-machine | lats | biceps, middle_back
Straight-Arm Pulldown | straight-arm-pulldown | straight arm lat pulldown | strength | beginner | pull | isolation | cable-machine | lats | triceps, shoulders
Barbell Row | barbell-row | bent over row; bb row | strength | intermediate | pull | compound | barbell | middle_back, lats | biceps, lower_back
Pendlay Row | pendlay-row | dead stop row | strength | intermediate | pull | compound | barbell | middle_back, lats | biceps, lower_back
Dumbbell Row | dumbbell-row | one arm row; single arm dumbbell row | strength | beginner | pull | compound | dumbbell | lats, middle_back | biceps
Chest-Supported Row | chest-supported-row | incline dumbbell row; seal row | strength | beginner | pull | compound | dumbbell | middle_back | lats, biceps
Seated Cable Row | seated-cable-row | cable row; low row | strength | beginner | pull | compound | cable-machine | middle_back, lats | biceps
T-Bar Row | t-bar-row | landmine row | strength | intermediate | pull | compound | barbell | middle_back, lats | biceps, lower_back
Ring Row | ring-row | suspension row; trx row | strength | beginner | pull | compound | suspension-trainer | middle_back, lats | biceps
Barbell Curl | barbell-curl | biceps curl; standing curl | strength | beginner | pull | isolation | barbell | biceps | forearms
Dumbbell Curl | dumbbell-curl | db curl; alternating curl | strength | beginner | pull | isolation | dumbbell | biceps | forearms
Hammer Curl | hammer-curl | neutral grip curl | strength | beginner | pull | isolation | dumbbell | biceps, forearms | -
Preacher Curl | preacher-curl | scott curl | strength | beginner | pull | isolation | barbell | biceps | forearms
Cable Curl | cable-curl | cable biceps curl | strength | beginner | pull | isolation | cable-machine | biceps | forearms
Triceps Pushdown | triceps-pushdown | rope pushdown; cable pushdown | strength | beginner | push | isolation | cable-machine | triceps | -
Overhead Triceps Extension | overhead-triceps-extension | french press; cable overhead extension | strength | beginner | push | isolation | dumbbell | triceps | -
Skull Crusher | skull-crusher | lying triceps extension | strength | intermediate | push | isolation | barbell | triceps | -
Farmer's Carry | farmers-carry | farmers walk; loaded carry | strongman | beginner | static | compound | dumbbell | forearms, traps | abdominals, glutes
Sled Push | sled-push | prowler push | strongman | beginner | push | compound | - | quadriceps, glutes | calves, hamstrings
Plank | plank | front plank; forearm plank | strength | beginner | static | isolation | none | abdominals | shoulders, glutes
Side Plank | side-plank | lateral plank | strength | beginner | static | isolation | none | abdominals | abductors, shoulders
Hollow Hold | hollow-hold | hollow body hold | strength | intermediate | static | isolation | none | abdominals | quadriceps
Dead Bug | dead-bug | deadbug | strength | beginner | static | compound | none | abdominals | -
Bird Dog | bird-dog | quadruped reach | strength | beginner | static | compound | none | lower_back, abdominals | glutes
Pallof Press | pallof-press | anti-rotation press | strength | beginner | static | isolation | cable-machine | abdominals | shoulders
Crunch | crunch | abdominal crunch | strength | beginner | pull | isolation | none | abdominals | -
Sit-Up | sit-up | situp | strength | beginner | pull | compound | none | abdominals | quadriceps
Hanging Leg Raise | hanging-leg-raise | toes to bar; hanging knee raise | strength | intermediate | pull | compound | pull-up-bar | abdominals | forearms
Russian Twist | russian-twist | seated twist | strength | beginner | pull | isolation | medicine-ball | abdominals | lower_back
Ab Wheel Rollout | ab-wheel-rollout | rollout | strength | intermediate | pull | compound | - | abdominals | lats, shoulders
Kettlebell Swing | kettlebell-swing | russian swing; two hand swing | strength | intermediate | pull | compound | kettlebell | glutes, hamstrings | lower_back, shoulders
Turkish Get-Up | turkish-get-up | tgu; get up | strength | advanced | push | compound | kettlebell | shoulders, abdominals | glutes, triceps, quadriceps
Kettlebell Clean and Press | kettlebell-clean-and-press | clean and press | strength | intermediate | push | compound | kettlebell | shoulders, glutes | triceps, hamstrings
Thruster | thruster | squat to press | strength | intermediate | push | compound | barbell | quadriceps, shoulders | glutes, triceps
Power Clean | power-clean | clean from the floor | olympic_weightlifting | advanced | pull | compound | barbell | glutes, hamstrings, traps | quadriceps, shoulders
Hang Power Clean | hang-power-clean | hang clean | olympic_weightlifting | advanced | pull | compound | barbell | glutes, hamstrings, traps | quadriceps, shoulders
Clean and Jerk | clean-and-jerk | c&j | olympic_weightlifting | advanced | push | compound | barbell | quadriceps, glutes, shoulders | hamstrings, traps, triceps
Snatch | snatch | squat snatch; full snatch | olympic_weightlifting | advanced | pull | compound | barbell | glutes, hamstrings, shoulders | quadriceps, traps
Box Jump | box-jump | jump to a box | plyometrics | beginner | push | compound | box | quadriceps, glutes | calves, hamstrings
Broad Jump | broad-jump | standing long jump | plyometrics | beginner | push | compound | none | glutes, quadriceps | calves, hamstrings
Medicine Ball Slam | medicine-ball-slam | ball slam | plyometrics | beginner | pull | compound | medicine-ball | lats, abdominals | shoulders
Burpee | burpee | squat thrust with jump | plyometrics | beginner | push | compound | none | quadriceps, chest | shoulders, triceps, abdominals
Mountain Climber | mountain-climber | running plank | cardio | beginner | - | compound | none | abdominals | quadriceps, shoulders
Jump Rope | jump-rope | skipping; double unders | cardio | beginner | - | compound | jump-rope | calves | quadriceps, forearms
Running | running | run; jog; easy run; treadmill run | cardio | beginner | - | compound | - | quadriceps, calves | hamstrings, glutes
Walking | walking | walk; hike; incline walk | cardio | beginner | - | compound | - | calves | glutes, quadriceps
Cycling | cycling | bike; ride; spinning | cardio | beginner | - | compound | bicycle | quadriceps | glutes, calves, hamstrings
Rowing Machine | rowing-machine | row erg; indoor rowing | cardio | beginner | pull | compound | rowing-machine | middle_back, quadriceps | lats, hamstrings, biceps
Swimming | swimming | swim; freestyle; front crawl | cardio | beginner | - | compound | pool | lats, shoulders | triceps, abdominals
Hip Flexor Stretch | hip-flexor-stretch | couch stretch; half kneeling stretch | stretching | beginner | static | - | none | quadriceps | glutes
Hamstring Stretch | hamstring-stretch | toe touch stretch | stretching | beginner | static | - | none | hamstrings | calves
Chest Stretch | chest-stretch | doorway stretch | stretching | beginner | static | - | none | chest | shoulders
Child's Pose | childs-pose | resting pose | stretching | beginner | static | - | none | lower_back | lats, glutes
Cat-Cow | cat-cow | cat camel | stretching | beginner | - | - | none | lower_back | middle_back, abdominals
"""  # noqa: E501  # a table is read row by row
